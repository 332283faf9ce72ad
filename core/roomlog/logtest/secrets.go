package logtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tandem.watch/tandem/core"
)

func testSecrets(t *testing.T, s Store) {
	r, other := create(t, s, "ABCD"), create(t, s, "other")
	put := func(r *room, forget []string, secrets ...core.Secret) {
		t.Helper()
		b := r.batch(2, core.Noted{})
		b.Forget, b.Secrets = forget, secrets
		noError(t, s.Append(t.Context(), r.id, r.head, b))
		r.appended(b)
	}
	ann := core.Secret{Name: "seat:ann", Member: "m_1", Value: []byte{1}}
	annOld := core.Secret{Name: "seat:ann's first", Member: "m_1", Value: []byte{9, 9}}
	bob := core.Secret{Name: "seat:bob", Member: "m_2", Value: []byte{0, 255, 0}}
	pin := core.Secret{Name: "pin", Value: []byte("hash")}
	empty := core.Secret{Name: "empty", Value: []byte{}}

	put(r, nil, annOld, ann, bob, pin, empty)
	put(other, nil, core.Secret{Name: "seat:ann", Member: "m_1", Value: []byte{7}})
	for _, want := range []core.Secret{ann, annOld, bob, pin, empty} {
		checkSecret(t, s, r.id, want.Name, &want)
	}
	checkSecret(t, s, r.id, "seat:nobody", nil)

	// Another value and another owner.
	pin.Value = []byte("another")
	bob.Member = "m_3"
	put(r, nil, pin, bob)
	checkSecret(t, s, r.id, "pin", &pin)
	checkSecret(t, s, r.id, "seat:bob", &bob)

	// All that a member has goes, and what the same batch brings stays.
	put(r, []string{"m_1", "m_2", "m_nobody"}, ann)
	checkSecret(t, s, r.id, "seat:ann", &ann)
	checkSecret(t, s, r.id, "seat:ann's first", nil)
	checkSecret(t, s, r.id, "seat:bob", &bob)
	checkSecret(t, s, r.id, "pin", &pin)

	// The room's own are no member's; the other room is another.
	put(r, []string{"m_1", "m_3"})
	checkSecret(t, s, r.id, "seat:ann", nil)
	checkSecret(t, s, r.id, "seat:bob", nil)
	checkSecret(t, s, r.id, "pin", &pin)
	checkSecret(t, s, other.id, "seat:ann", &core.Secret{Name: "seat:ann", Member: "m_1", Value: []byte{7}})
	put(r, []string{""})
	checkSecret(t, s, r.id, "pin", nil)

	// Within one batch the last of a name counts.
	put(r, nil, core.Secret{Name: "pin", Value: []byte{1}}, core.Secret{Name: "pin", Value: []byte{2}})
	checkSecret(t, s, r.id, "pin", &core.Secret{Name: "pin", Value: []byte{2}})
}

func testSecretsUponConflict(t *testing.T, s Store) {
	r := create(t, s, "ABCD")
	behind := r.head
	b := r.batch(1, core.Noted{})
	kept := core.Secret{Name: "seat", Member: "m_1", Value: []byte{1}}
	b.Secrets = []core.Secret{kept}
	noError(t, s.Append(t.Context(), r.id, r.head, b))
	r.appended(b)

	late := &room{id: r.id, head: behind, at: r.at}
	b = late.batch(0, core.Noted{})
	b.Forget = []string{"m_1"}
	b.Secrets = []core.Secret{{Name: "new", Value: []byte{2}}}
	_ = conflict(t, s, r.id, behind, b)
	_ = conflict(t, s, r.id, core.Head{Epoch: 1, Number: 99, ID: 99}, core.Batch{
		Events:  []core.Event{{ID: 100, Prev: 99, Epoch: 1, Number: 100, Body: core.Noted{}}},
		Secrets: b.Secrets, Forget: b.Forget,
	})
	checkSecret(t, s, r.id, "seat", &kept)
	checkSecret(t, s, r.id, "new", nil)
	occupied, err := s.Occupied(t.Context())
	noError(t, err)
	if diff := cmp.Diff([]string{r.id}, occupied); diff != "" {
		t.Errorf("a refused append changed how many there are: %s", diff)
	}
}

func checkSecret(t testing.TB, s core.Log, room, name string, want *core.Secret) {
	t.Helper()
	got, err := s.Secret(t.Context(), room, name)
	noError(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("secret %s of %s (-want +got):\n%s", name, room, diff)
	}
}
