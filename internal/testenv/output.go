package testenv

import (
	"regexp"
	"sync"
)

// openLine is how the program says that it listens and where.
var openLine = regexp.MustCompile(`(?mi)^open (https?://\S+)\r?\n`)

// output keeps what a process writes and notices the line with its address.
type output struct {
	mu    sync.Mutex
	text  []byte
	start int           // where the output of the current run begins
	url   string        // the address of the current run, "" before it is known
	ready chan struct{} // closed when url is set
}

// begin marks the start of another run of the program.
func (o *output) begin() (ready <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.start, o.url, o.ready = len(o.text), "", make(chan struct{})
	return o.ready
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if o.url == "" {
		if match := openLine.FindSubmatch(o.text[o.start:]); match != nil {
			o.url = string(match[1])
			close(o.ready)
		}
	}
	return len(p), nil
}

func (o *output) address() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.url
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
