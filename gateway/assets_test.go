package gateway

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
)

// A page's script is worth compressing, and who cannot take that gets it whole.
func TestAssetsCompressed(t *testing.T) {
	virtual(t, func(t *testing.T, w *world) {
		get := func(path, accept, match string) response {
			r := w.request(http.MethodGet, path, "")
			r.Header.Set("Accept-Encoding", accept)
			if match != "" {
				r.Header.Set("If-None-Match", match)
			}
			return w.call(home, r)
		}
		plain := get("/sdk/v1/tandem.js", "identity", "")
		if plain.Status != http.StatusOK || plain.Header.Get("Content-Encoding") != "" || plain.Header.Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%d %v", plain.Status, plain.Header)
		}
		for _, accept := range []string{"gzip", "br, gzip", "deflate, GZIP ,br"} {
			got := get("/sdk/v1/tandem.js", accept, "")
			if got.Header.Get("Content-Encoding") != "gzip" || len(got.Body) > len(plain.Body)/2 {
				t.Fatalf("%q: %d of %d bytes, %v", accept, len(got.Body), len(plain.Body), got.Header)
			}
			z, err := gzip.NewReader(bytes.NewReader(got.Body))
			if err != nil {
				t.Fatal(err)
			}
			if whole, err := io.ReadAll(z); err != nil || !bytes.Equal(whole, plain.Body) {
				t.Errorf("%q: %d bytes unpacked, %v", accept, len(whole), err)
			}
			tag := got.Header.Get("ETag")
			if tag == plain.Header.Get("ETag") {
				t.Error("both forms have one tag")
			}
			if again := get("/sdk/v1/tandem.js", accept, tag); again.Status != http.StatusNotModified {
				t.Errorf("asked again: %d", again.Status)
			}
		}
		for _, accept := range []string{"", "gzip;q=0", "br"} {
			if got := get("/sdk/v1/tandem.js", accept, ""); got.Header.Get("Content-Encoding") != "" || !bytes.Equal(got.Body, plain.Body) {
				t.Errorf("%q: %v", accept, got.Header)
			}
		}
	})
}
