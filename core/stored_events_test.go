package core

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testdata/events holds examples of every event in every version that was
// ever written, as kind.version.json or kind.what.version.json. They may be
// added to, and never changed: logs and archives hold such events.

// storedExample is a file of testdata, without ".json".
type storedExample struct {
	name string
	data []byte
}

// examples reads the examples of a folder of testdata.
func examples(t testing.TB, folder string) []storedExample {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples in testdata/%s: %v", folder, err)
	}
	var found []storedExample
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, storedExample{strings.TrimSuffix(filepath.Base(path), ".json"), data})
	}
	return found
}

// jsonValue is JSON as Go has it, numbers digit by digit.
func jsonValue(t testing.TB, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStoredEventsOfEveryVersionDecode(t *testing.T) {
	for _, example := range examples(t, "events") {
		name, data := example.name, example.data
		t.Run(name, func(t *testing.T) {
			e, err := DecodeEvent(data)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(name, ".")
			if e.Body.kind() != parts[0] {
				t.Errorf("it is of the kind %q", e.Body.kind())
			}
			again, err := EncodeEvent(e)
			if err != nil {
				t.Fatal(err)
			}
			var head struct{ V int }
			if err := json.Unmarshal(data, &head); err != nil {
				t.Fatal(err)
			}
			if head.V == bodyVersion {
				if diff := cmp.Diff(jsonValue(t, data), jsonValue(t, again)); diff != "" {
					t.Errorf("it is written differently now (-stored +now):\n%s", diff)
				}
			}
			once, err := DecodeEvent(again)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e, once); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every kind has an example of the version that is written now, and every
// field of it a value there: a new field needs a new example.
func TestEveryKindHasAnExample(t *testing.T) {
	bodies := map[string][]reflect.Value{}
	for _, example := range examples(t, "events") {
		e, err := DecodeEvent(example.data)
		if err != nil {
			t.Fatal(example.name, err)
		}
		if v := jsonValue(t, example.data).(map[string]any)["v"]; v == json.Number("1") {
			bodies[e.Body.kind()] = append(bodies[e.Body.kind()], reflect.ValueOf(e.Body))
		}
	}
	source, err := os.ReadFile("event.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`kind\(\) string +\{ return "(.+)" \}`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 15 {
		t.Fatalf("found %d kinds in event.go", len(kinds))
	}
	for _, k := range kinds {
		if len(bodies[k[1]]) == 0 {
			t.Errorf("testdata/events has no example of %q", k[1])
			continue
		}
		for _, path := range neverSet(bodies[k[1]], k[1]) {
			t.Errorf("no example sets %s", path)
		}
	}
}

// neverSet lists the fields that are zero in all of the values.
func neverSet(values []reflect.Value, path string) []string {
	var all []reflect.Value
	for _, v := range values {
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
		case v.Kind() == reflect.Pointer:
			all = append(all, v.Elem())
		case v.Kind() == reflect.Slice:
			for i := range v.Len() {
				all = append(all, reflect.Indirect(v.Index(i)))
			}
		default:
			all = append(all, v)
		}
	}
	if len(all) == 0 {
		return []string{path}
	}
	if all[0].Kind() != reflect.Struct {
		for _, v := range all {
			if !v.IsZero() {
				return nil
			}
		}
		return []string{path}
	}
	var missing []string
	for i := range all[0].NumField() {
		var fields []reflect.Value
		for _, v := range all {
			fields = append(fields, v.Field(i))
		}
		missing = append(missing, neverSet(fields, path+"."+all[0].Type().Field(i).Name)...)
	}
	return missing
}

// The words in stored events, which no round trip would notice to change.
func TestStoredWords(t *testing.T) {
	for got, want := range map[any]string{
		RoleGuest: "guest", RoleModerator: "moderator", RoleHost: "host",
		LeftSelf: "left", LeftExpired: "expired", LeftRemoved: "removed", LeftBanned: "banned",
		CausePlay: "play", CausePause: "pause", CauseSeek: "seek", CauseRate: "rate", CauseMedia: "media", CauseRelease: "release",
		UnqueuedPlayed: "played", UnqueuedRemoved: "removed",
		MediaURL: "url", MediaFile: "file", MediaClip: "clip",
	} {
		if reflect.ValueOf(got).String() != want {
			t.Errorf("%q was %q", got, want)
		}
	}
}

func TestDecodeEventRefuses(t *testing.T) {
	const good = `{"id":"0000000000000002","prev":"0000000000000001","type":"noted","v":1,"epoch":1,"number":2,"at":3,"body":{}}`
	if _, err := DecodeEvent([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a later version":  {`"v":1`, `"v":2`},
		"no version":       {`"v":1,`, ``},
		"an unknown kind":  {`"noted"`, `"danced"`},
		"a wrong body":     {`{}`, `[]`},
		"no body":          {`,"body":{}`, ``},
		"a short id":       {`0000000000000002`, `02`},
		"a long id":        {`0000000000000002`, `00000000000000000002`},
		"an id of letters": {`0000000000000002`, `zzzzzzzzzzzzzzzz`},
		"a wrong number":   {`"number":2`, `"number":-2`},
		"half of it":       {`"body":{}}`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if e, err := DecodeEvent([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil {
				t.Errorf("it became %+v", e)
			}
		})
	}
}
