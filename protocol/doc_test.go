package protocol

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// These tests hold README.md to the code: what one of them has and the other
// has not is a failure.

// readme is README.md by its sections: the text under each "## " heading.
func readme(tb testing.TB) map[string]string {
	tb.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		tb.Fatal(err)
	}
	sections := map[string]string{}
	for _, part := range strings.Split(string(data), "\n## ")[1:] {
		title, text, _ := strings.Cut(part, "\n")
		sections[title] = text
	}
	return sections
}

func section(tb testing.TB, title string) string {
	tb.Helper()
	text, ok := readme(tb)[title]
	if !ok {
		tb.Fatalf("README.md has no section %q", title)
	}
	return text
}

// rows returns the cells of the tables in text whose first column has the
// heading first, without headings.
func rows(text, first string) [][]string {
	var found [][]string
	var heading string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			heading = ""
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case heading == "":
			heading = cells[0]
		case strings.HasPrefix(cells[0], "---"):
		case heading == first:
			found = append(found, cells)
		}
	}
	return found
}

// names returns the first column of such tables, without its backticks.
func names(text, first string) []string {
	var all []string
	for _, row := range rows(text, first) {
		all = append(all, strings.Trim(row[0], "`"))
	}
	return all
}

func sameSet[T ~string](t *testing.T, what string, documented []string, code []T) {
	t.Helper()
	for _, c := range code {
		if !slices.Contains(documented, string(c)) {
			t.Errorf("README.md does not document the %s %q", what, c)
		}
	}
	for _, d := range documented {
		if !slices.Contains(code, T(d)) {
			t.Errorf("README.md documents the %s %q, which does not exist", what, d)
		}
	}
}

func TestReadmeHasEveryMessage(t *testing.T) {
	client := names(section(t, "Messages of the client"), "`type`")
	sameSet(t, "client's message", client, clientTypes(t))
	sameSet(t, "gateway's message", names(section(t, "Messages of the gateway"), "`type`"), serverTypes(t))
	sameSet(t, "event", names(section(t, "Events"), "`type`"), eventTypes(t))

	applied := names(section(t, "Events"), "event")
	applied = slices.DeleteFunc(applied, func(s string) bool { return s == "any other" })
	sameSet(t, "event's effect", applied, eventTypes(t))
}

func TestReadmeSeparatesCommands(t *testing.T) {
	_, text, _ := strings.Cut(section(t, "Messages of the client"), "### Commands")
	commands, others, _ := strings.Cut(text, "### Other messages")
	for what, table := range map[bool]string{true: commands, false: others} {
		for _, typ := range names(table, "`type`") {
			if _, is := newClientMessage(typ).(CommandMessage); is != what {
				t.Errorf("%q is in the wrong table: a command is %t", typ, is)
			}
		}
	}
}

func TestReadmeGivesEveryMessageAClass(t *testing.T) {
	var classed string
	for _, row := range rows(section(t, "Conventions"), "class") {
		classed += row[2]
	}
	for _, typ := range slices.Concat(clientTypes(t), serverTypes(t)) {
		if _, is := newClientMessage(typ).(CommandMessage); !is && !strings.Contains(classed, "`"+typ+"`") {
			t.Errorf("README.md gives %q no class", typ)
		}
	}
}

func TestReadmeHasEveryErrorCode(t *testing.T) {
	sameSet(t, "error code", names(section(t, "Error codes"), "code"), ErrorCodes())
	for _, row := range rows(section(t, "HTTP"), "status") {
		for _, code := range codeSpans(row[1]) {
			if !slices.Contains(ErrorCodes(), ErrorCode(code)) {
				t.Errorf("README.md answers %s with the unknown code %q", row[0], code)
			}
		}
	}
}

func TestReadmeHasEveryCloseCode(t *testing.T) {
	documented := map[CloseCode]string{}
	for _, row := range rows(section(t, "Close codes"), "code") {
		n, err := strconv.ParseUint(row[0], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		code := CloseCode(n)
		documented[code] = strings.Trim(row[1], "`")
		if retry := !strings.HasPrefix(row[3], "no"); retry != code.Retry() {
			t.Errorf("README.md says %q of retrying after %d, the code says %t", row[3], code, code.Retry())
		}
	}
	if !maps.Equal(documented, CloseCodes()) {
		t.Errorf("README.md has %v, CloseCodes has %v", documented, CloseCodes())
	}
}

func TestReadmeNamesValuesOfFixedSets(t *testing.T) {
	events, gateway := section(t, "Events"), section(t, "Messages of the gateway")
	for _, c := range constants[Cause](t, "events.go", "Cause") {
		if !slices.Contains(codeSpans(events), string(c)) {
			t.Errorf("README.md does not name the cause %q", c)
		}
	}
	for _, r := range constants[LeaveReason](t, "events.go", "LeaveReason") {
		if !slices.Contains(codeSpans(events), strconv.Quote(string(r))) {
			t.Errorf("README.md does not name the reason %q", r)
		}
	}
	for _, r := range constants[UnqueueReason](t, "events.go", "UnqueueReason") {
		if !slices.Contains(codeSpans(events), strconv.Quote(string(r))) {
			t.Errorf("README.md does not name the reason %q", r)
		}
	}
	for _, r := range constants[Role](t, "room.go", "Role") {
		if !slices.Contains(codeSpans(gateway), strconv.Quote(string(r))) {
			t.Errorf("README.md does not name the role %q", r)
		}
	}
	for _, k := range constants[MediaKind](t, "room.go", "MediaKind") {
		if !slices.Contains(codeSpans(gateway), strconv.Quote(string(k))) {
			t.Errorf("README.md does not name the kind of media %q", k)
		}
	}
}

func TestReadmeHasTheLimits(t *testing.T) {
	documented := map[string]string{}
	for _, row := range rows(section(t, "Limits"), "what") {
		documented[row[0]] = strings.ReplaceAll(row[1], ",", "")
	}
	for what, limit := range map[string]float64{
		"message": MaxMessage, "room id": MaxRoomID, "name": MaxName, "PIN": MaxPIN, "line of chat": MaxChat,
		"reaction": MaxReaction, "media URL": MaxURL, "media title": MaxTitle, "title of a room": MaxRoomTitle,
		"subtitles of media": MaxSubtitles, "label of subtitles": MaxLabel, "language tag of subtitles": MaxLang, "media": MaxMedia,
		"queue": MaxQueue, "bytes of a queue": MaxQueueBytes, "media duration": MaxPosition * 1000,
		"signal's `data`": MaxSignal, "id of a member": MaxName, "position": MaxPosition, "rate": MaxRate,
		"history": MaxHistory, "unanswered commands": MaxInFlight,
		"members in one `welcome` or `members`": MembersPage, "silence of a client": SilenceLimit.Seconds(),
	} {
		number := strconv.FormatFloat(limit, 'f', -1, 64)
		if !slices.Contains(strings.Fields(documented[what]), number) {
			t.Errorf("README.md says of %s: %q; it is %s", what, documented[what], number)
		}
	}
}

func TestReadmeSession(t *testing.T) {
	var clients, servers int
	for line := range strings.Lines(section(t, "A session")) {
		arrow, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch arrow {
		case "→":
			clients++
			m, err := DecodeClient([]byte(text))
			if err != nil {
				t.Errorf("%v in %s", err, text)
				continue
			}
			sameAfterEncoding(t, m, []byte(text))
		case "←":
			servers++
			m, err := DecodeServer([]byte(text))
			if err != nil {
				t.Errorf("%v in %s", err, text)
				continue
			}
			sameAfterEncoding(t, m, []byte(text))
		}
	}
	if clients == 0 || servers == 0 {
		t.Error("README.md shows no session")
	}
}

func TestReadmeLinksLead(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, h := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(data), -1) {
		anchors[strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")] = true
	}
	for _, l := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(data), -1) {
		if !anchors[l[1]] {
			t.Errorf("README.md links to #%s, which is no heading", l[1])
		}
	}
}

// codeSpans returns what stands between backticks.
func codeSpans(text string) []string {
	var spans []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		spans = append(spans, m[1])
	}
	return spans
}
