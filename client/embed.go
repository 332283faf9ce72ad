// Package client holds the browser side, built: the watch page, the SDK and
// the test clip. The sources are TypeScript, in src and app; npm run build
// makes dist, which is committed so that a Go build needs nothing else.
package client

import (
	"embed"
	"io/fs"
)

//go:embed dist/app dist/sdk/tandem.js
var dist embed.FS

//go:embed dist/app/index.html
var page []byte

//go:embed clip/clip.webm
var clip []byte

// App holds the watch page: index.html, and what it loads from /app/.
func App() fs.FS { return sub("dist/app") }

// Page is index.html, as it is when it is opened by itself. The caller must not
// change it.
func Page() []byte { return page }

// SDK holds the SDK's bundle, tandem.js.
func SDK() fs.FS { return sub("dist/sdk") }

// Clip is the test clip: one minute of WebM. The caller must not change it.
func Clip() []byte { return clip }

// sub cannot fail: the compiler has checked that the folder is there.
func sub(dir string) fs.FS {
	files, err := fs.Sub(dist, dir)
	if err != nil {
		panic(err)
	}
	return files
}
