// Package e2e tests the program as people use it: the real binary on a folder
// of its own, real sockets, and pages in real headless Chromium. It holds
// tests only. They cover what no smaller test can show:
//
//   - windows that watch together, positions read from their video elements;
//   - the page walked by clicks and by keys, at desktop and phone width, with an
//     accessibility checker in each state, light and dark; hostile content;
//   - transports side by side: WebTransport, ws and wss in one room, UDP that
//     stops getting through, an extension's service worker, Firefox, and pages
//     that may have no WebTransport;
//   - people who see each other by their cameras;
//   - the SDK's examples, as somebody runs them who follows their READMEs: a
//     page of another site, and an extension;
//   - a gateway that is stopped or killed under them and comes back;
//   - storms of commands across kill -9 and SIGTERM, with nothing acknowledged
//     lost and nothing done twice;
//   - the command line: what it prints, and what it refuses.
//
// Environment, all optional:
//
//	TANDEM_SCREENSHOTS=dir   save what the windows show at each stage
//	TANDEM_DOCS_IMAGES=dir   save the pictures of the documentation
//	TANDEM_SEED=n            repeat a storm with the seed that a failure named
//
// A failed test leaves pictures of its windows with go test -artifacts.
package e2e
