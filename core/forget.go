package core

// ForgetMember returns e without what it says of a member: name and words. For
// the member "" it blanks what everybody said, was called and watched. What e
// does to a room's state stays.
func ForgetMember(e Event, member string) Event {
	all := member == ""
	blank := func(id string, texts ...*string) {
		if all || id == member {
			for _, t := range texts {
				*t = ""
			}
		}
	}
	switch b := e.Body.(type) {
	case Joined:
		blank(b.Member, &b.Name)
		e.Body = b
	case Renamed:
		blank(b.Member, &b.Name)
		e.Body = b
	case Said:
		blank(b.Member, &b.Name, &b.Text)
		e.Body = b
	case Unbanned:
		blank(b.Member, &b.Name)
		e.Body = b
	case Queued:
		blank(b.Member, &b.Name)
		if all {
			b.Media = Media{Kind: b.Media.Kind}
		}
		e.Body = b
	case Created:
		if all {
			b.Settings.Title, b.Media = "", Media{Kind: b.Media.Kind}
		}
		e.Body = b
	case MediaSet:
		if all {
			b.Media = Media{Kind: b.Media.Kind}
		}
		e.Body = b
	case SettingsSet:
		if all {
			b.Settings.Title = ""
		}
		e.Body = b
	default:
	}
	return e
}

// Forget blanks in a snapshot what ForgetMember blanks in events.
func (r *Room) Forget(member string) {
	for _, m := range r.order {
		if m.ID == member {
			m.Name = ""
		}
	}
	for i := range r.Chat {
		if c := &r.Chat[i]; c.Member == member {
			c.Name, c.Text = "", ""
		}
	}
	for i := range r.Queue {
		if r.Queue[i].Member == member {
			r.Queue[i].Name = ""
		}
	}
	for i := range r.Banned {
		if r.Banned[i].Member == member {
			r.Banned[i].Name = ""
		}
	}
}
