package core

import "time"

// beats are the repetitions of the timeline for the sessions that want them.
type beats struct {
	listeners int
	// last is when the timeline was told, byHost when the host last asked for it.
	last, byHost time.Time
}

// How often the timeline is repeated.
const (
	beatEvery = 3 * time.Second
	// beatAfter is how long the room leaves it to a host that asks for beats,
	// and hostBeats how long such a host counts as one.
	beatAfter = 4500 * time.Millisecond
	hostBeats = 10 * time.Second
	// beatPause bounds what a host can ask for.
	beatPause = 200 * time.Millisecond
)

func (b *beats) listen(s *Session) {
	if s.hears {
		if b.listeners++; b.listeners == 1 {
			b.last = time.Now()
		}
	}
}

func (b *beats) leave(s *Session) {
	if s.hears {
		b.listeners--
	}
}

func (b *beats) next() time.Time {
	if b.last.Sub(b.byHost) < hostBeats {
		return b.last.Add(beatAfter)
	}
	return b.last.Add(beatEvery)
}

func (b *beats) due(now time.Time) bool { return b.listeners > 0 && !now.Before(b.next()) }

// beat tells the timeline, unless everybody is waiting for a start.
func (l *loop) beat(now time.Time) {
	l.beats.last = now
	t, at := l.room.Timeline, l.hub.opts.Clock.Now()
	if l.room.Gate != nil || t.Playing && t.At > at {
		return
	}
	l.broadcast(&Frame{Class: ClassState, Key: "beat", Message: Beat{Host: l.room.Host, Timeline: t, Now: at}})
}

func (l *loop) hostBeat(s *Session, now time.Time) {
	if l.room.Host != s.member || l.beats.listeners == 0 || now.Sub(l.beats.byHost) < beatPause {
		return
	}
	l.beats.byHost = now
	l.beat(now)
}
