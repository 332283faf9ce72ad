package gateway

import (
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"tandem.watch/tandem/internal/memnet"
)

// watcher is the old extension with its player, as its contract describes it: it
// does what it is told and tells what it does.
type watcher struct {
	*extension
	t     *testing.T
	began time.Time
	skew  time.Duration // how wrong its wall clock is
	ppm   float64       // and how much too fast

	mu       sync.Mutex
	position float64 // at moment, in seconds
	moment   time.Time
	playing  bool
	host     bool
	muted    bool // on no watch page: it reports nothing
	seeks    int  // that it was told to make
	// aims are where it was told to be, with the instant; from plays and beats.
	aims []aim
	quit chan struct{}
}

// aim is where a message puts the receiver's player at an instant.
type aim struct {
	at       time.Time
	position float64
	kind     string
}

// watch joins with a player, over a network of its own.
func (s *stage) watch(room, user, from string, o memnet.Options, skew time.Duration, ppm float64) *watcher {
	s.t.Helper()
	p := &watcher{t: s.t, skew: skew, ppm: ppm, began: time.Now(), moment: time.Now(), quit: make(chan struct{})}
	x, err := s.connectOver(func() (net.Conn, error) { return s.w.net.DialOver(s.t.Context(), from, o) }, map[string][]string{"Origin": {"chrome-extension://abc"}}, p.hears)
	if err != nil {
		s.t.Fatal(err)
	}
	x.clock = p.date
	p.extension = x
	s.w.pass(3 * time.Second) // the worker runs before a party is begun
	state := x.join(room, user, note{"username": user})
	p.mu.Lock()
	p.host = state["hostUserId"] == user
	p.mu.Unlock()
	x.reader.Go(p.reports)
	s.t.Cleanup(p.stop)
	return p
}

func (p *watcher) stop() {
	select {
	case <-p.quit:
	default:
		close(p.quit)
	}
	p.drop()
}

// date is Date.now().
func (p *watcher) date() float64 {
	now := time.Now()
	drift := time.Duration(float64(now.Sub(p.began)) * p.ppm / 1e6)
	return math.Floor(float64(now.Add(p.skew+drift).UnixMicro()) / 1000)
}

// where is the player's position.
func (p *watcher) where() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here()
}

func (p *watcher) here() float64 {
	if !p.playing {
		return p.position
	}
	return p.position + time.Since(p.moment).Seconds()
}

func (p *watcher) set(position float64, playing bool) {
	p.position, p.moment, p.playing = position, time.Now(), playing
}

// hears does what the extension does with a message.
func (p *watcher) hears(n note) {
	p.mu.Lock()
	defer p.mu.Unlock()
	number := func(name string) float64 { v, _ := n[name].(float64); return v }
	if n.kind() == "HOST_CHANGED" {
		p.host = n["hostUserId"] == p.user
	}
	if n["userId"] == p.user {
		return
	}
	switch n.kind() {
	case "PLAY_PAUSE":
		target, known := n["currentTime"].(float64)
		if !known {
			target = p.here()
		}
		playing := n["control"] == "play"
		if at, ok := n["eventTimestamp"].(float64); ok && playing {
			target += (p.date() - at) / 1000
		}
		if known {
			p.aims = append(p.aims, aim{time.Now(), target, n["control"].(string)})
		}
		p.follow(target, playing)
	case "HOST_HEARTBEAT":
		target := number("currentTime")
		if n["isPlaying"] == true {
			target += (p.date() - number("eventTimestamp")) / 1000
		}
		p.aims = append(p.aims, aim{time.Now(), target, "beat"})
		p.follow(target, p.playing)
	case "SEEK_PAUSE":
		p.seeks++
		p.set(number("currentTime"), false)
		go func() { // until it can play
			time.Sleep(400 * time.Millisecond)
			p.send("READY", note{"targetTime": number("currentTime")})
		}()
	}
}

func (p *watcher) follow(target float64, playing bool) {
	if math.Abs(p.here()-target) > 0.5 {
		p.seeks++
		p.set(target, playing)
		return
	}
	p.set(p.here(), playing)
}

// reports pings, and says where the player is.
func (p *watcher) reports() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for i := 1; ; i++ {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		fields := note{"currentTime": p.here(), "isPlaying": p.playing}
		host, muted := p.host, p.muted
		p.mu.Unlock()
		if i%30 == 0 {
			p.send("PING", note{"userId": p.user, "timestamp": p.date()})
		}
		if muted {
			continue
		}
		p.send("POSITION_UPDATE", fields)
		if i%6 == 0 && host {
			fields["eventTimestamp"] = p.date()
			p.send("HOST_HEARTBEAT", fields)
		}
	}
}

// does what a person does with the player, and tells it.
func (p *watcher) play() {
	p.mu.Lock()
	p.set(p.here(), true)
	fields := note{"control": "play", "currentTime": p.here(), "eventTimestamp": p.date()}
	p.mu.Unlock()
	p.send("PLAY_PAUSE", fields)
}

func (p *watcher) pause() {
	p.mu.Lock()
	p.set(p.here(), false)
	fields := note{"control": "pause", "currentTime": p.here(), "eventTimestamp": p.date()}
	p.mu.Unlock()
	p.send("PLAY_PAUSE", fields)
}

func (p *watcher) seek(position float64) {
	p.mu.Lock()
	fields := note{"currentTime": position, "isPlaying": p.playing, "eventTimestamp": p.date()}
	p.set(position, p.playing)
	p.mu.Unlock()
	p.send("SEEK", fields)
}

// move moves the player without a word.
func (p *watcher) move(position float64, playing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(position, playing)
}

// taken returns where p was told to be since the last call.
func (p *watcher) taken() []aim {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.aims
	p.aims = nil
	return all
}

// jumps is how often p was made to seek since the last call.
func (p *watcher) jumps() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.seeks
	p.seeks = 0
	return n
}
