// Put into the frames of a tab that is in a room. Content scripts are no modules, but may import some.
if (!globalThis.tandemFollows) {
  globalThis.tandemFollows = true;
  import(chrome.runtime.getURL('follow.js')).then(({ follow }) => follow());
}
