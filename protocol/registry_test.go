package protocol

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// clientTypes lists every type that newClientMessage knows, read from its
// source so that no list beside it can fall behind.
func clientTypes(tb testing.TB) []string { return casesOf(tb, "newClientMessage") }

// serverTypes is the same of newServerMessage.
func serverTypes(tb testing.TB) []string { return casesOf(tb, "newServerMessage") }

// eventTypes lists the events: an Event has a field with details for each.
func eventTypes(tb testing.TB) []EventType {
	tb.Helper()
	var types []EventType
	for f := range reflect.TypeFor[Event]().Fields() {
		if f.Type.Kind() == reflect.Pointer {
			types = append(types, EventType(jsonName(f)))
		}
	}
	return types
}

func casesOf(tb testing.TB, function string) []string {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "registry.go", nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var types []string
	for _, decl := range file.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Name.Name != function {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			c, ok := n.(*ast.CaseClause)
			if !ok {
				return true
			}
			for _, expr := range c.List {
				typ, err := strconv.Unquote(expr.(*ast.BasicLit).Value)
				if err != nil {
					tb.Fatal(err)
				}
				types = append(types, typ)
			}
			return true
		})
	}
	if len(types) == 0 {
		tb.Fatalf("registry.go has no function %s with cases", function)
	}
	return types
}

func TestRegistryAgreesWithTypes(t *testing.T) {
	for _, typ := range clientTypes(t) {
		if m := newClientMessage(typ); m == nil || m.Type() != typ {
			t.Errorf("the client's type %q makes %T", typ, m)
		}
	}
	for _, typ := range serverTypes(t) {
		if m := newServerMessage(typ); m == nil || m.Type() != typ {
			t.Errorf("the gateway's type %q makes %T", typ, m)
		}
	}
}

func TestEventTypesAreThoseOfItsFields(t *testing.T) {
	var declared []EventType
	for _, typ := range constants[EventType](t, "events.go", "EventType") {
		declared = append(declared, EventType(typ))
	}
	fields := eventTypes(t)
	slices.Sort(declared)
	slices.Sort(fields)
	if !slices.Equal(declared, fields) {
		t.Errorf("declared are the types %q, Event has fields for %q", declared, fields)
	}
}

func TestErrorCodesListsAll(t *testing.T) {
	declared := constants[ErrorCode](t, "errors.go", "ErrorCode")
	listed := ErrorCodes()
	slices.Sort(declared)
	slices.Sort(listed)
	if !slices.Equal(declared, listed) {
		t.Errorf("declared are %q, ErrorCodes lists %q", declared, listed)
	}
}

// constants lists the string constants of a type that a source file declares.
func constants[T ~string](tb testing.TB, source, typ string) []T {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var found []T
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
			return true
		}
		for _, v := range spec.Values {
			value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				tb.Fatal(err)
			}
			found = append(found, T(value))
		}
		return true
	})
	return found
}
