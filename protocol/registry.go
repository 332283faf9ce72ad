package protocol

import "math"

// newClientMessage returns an empty message of a client's type, or nil.
func newClientMessage(typ string) ClientMessage {
	switch typ {
	case "hello":
		return new(Hello)
	case "play":
		return new(Play)
	case "pause":
		return new(Pause)
	case "seek":
		return &Seek{Position: math.NaN()} // so that an absent position is none, not 0
	case "rate":
		return new(Rate)
	case "media":
		return new(SetMedia)
	case "enqueue":
		return new(Enqueue)
	case "unqueue":
		return new(Unqueue)
	case "move":
		return new(Move)
	case "next":
		return &Next{After: math.MaxUint64} // as with seek
	case "ready":
		return new(Ready)
	case "chat":
		return new(Say)
	case "rename":
		return new(Rename)
	case "settings":
		return new(ChangeSettings)
	case "transfer":
		return new(Transfer)
	case "role":
		return new(SetRole)
	case "remove":
		return new(Remove)
	case "unban":
		return new(Unban)
	case "leave":
		return new(Leave)
	case "react":
		return new(React)
	case "typing":
		return new(Typing)
	case "signal":
		return new(Signal)
	case "status":
		return new(Status)
	case "probe":
		return new(Probe)
	case "history":
		return new(GetHistory)
	default:
		return nil
	}
}

// newServerMessage returns an empty message of a gateway's type, or nil.
func newServerMessage(typ string) ServerMessage {
	switch typ {
	case "welcome":
		return new(Welcome)
	case "members":
		return new(Members)
	case "events":
		return new(Events)
	case "snapshot":
		return new(Snapshot)
	case "ack":
		return new(Ack)
	case "error":
		return new(Error)
	case "bye":
		return new(Bye)
	case "clock":
		return new(Clock)
	case "presence":
		return new(Present)
	case "reaction":
		return new(Reaction)
	case "typing":
		return new(MemberTyping)
	case "signal":
		return new(Signalled)
	case "history":
		return new(History)
	default:
		return nil
	}
}
