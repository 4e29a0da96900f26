package api_test

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is the served openapi.json as the judge of every answer.
type document struct {
	operations []operation
	compiler   *jsonschema.Compiler
	mu         sync.Mutex
	schemas    map[string]*jsonschema.Schema
	seen       map[string]bool // "GET /events 200"
	codes      map[string]bool // of problems
}

// operation is a method and a path, with the documented answers by status.
type operation struct {
	method, path string
	matches      *regexp.Regexp
	pointer      string // into the document, to the answers
	responses    map[string]any
}

// described is the document of the server under test, read once. All servers of
// these tests serve the same one.
var described struct {
	once sync.Once
	*document
}

func documentOf(t testing.TB, base string) *document {
	t.Helper()
	described.once.Do(func() {
		r, err := http.Get(base + "/api/v1/openapi.json")
		noError(t, err)
		defer r.Body.Close()
		value, err := jsonschema.UnmarshalJSON(r.Body)
		noError(t, err)
		described.document = newDocument(t, value.(map[string]any))
	})
	if described.document == nil {
		t.Fatal("openapi.json could not be read")
	}
	return described.document
}

func newDocument(t testing.TB, value map[string]any) *document {
	t.Helper()
	d := &document{schemas: map[string]*jsonschema.Schema{}, seen: map[string]bool{}, codes: map[string]bool{}, compiler: jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	d.compiler.AssertContent() // an envelope's payload is an Event
	noError(t, d.compiler.AddResource("mem:///openapi.json", value))
	for path, methods := range value["paths"].(map[string]any) {
		d.add(path, methods.(map[string]any))
	}
	// An entry bundle's path also has the form of a tile's: the more exact goes first.
	slices.SortFunc(d.operations, func(a, b operation) int { return strings.Count(a.path, "{") - strings.Count(b.path, "{") })
	return d
}

func (d *document) add(path string, methods map[string]any) {
	base := "/api/v1"
	if servers, ok := methods["servers"].([]any); ok {
		base = strings.TrimSuffix(servers[0].(map[string]any)["url"].(string), "/")
	}
	expression := regexp.QuoteMeta(base + path)
	expression = strings.ReplaceAll(expression, `\{tile\}`, `.+`)
	expression = regexp.MustCompile(`\\\{[a-z0-9]+\\\}`).ReplaceAllString(expression, `[^/]+`)
	for method, of := range methods {
		details, ok := of.(map[string]any)
		if !ok {
			continue // the path's servers
		}
		d.operations = append(d.operations, operation{
			method: strings.ToUpper(method), path: path, matches: regexp.MustCompile("^" + expression + "$"),
			pointer: "/paths/" + escape(path) + "/" + method + "/responses", responses: details["responses"].(map[string]any),
		})
	}
}

// escape writes a name as a step of a JSON pointer in a URL's fragment.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
}

func (d *document) find(method, path string) (operation, bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, o := range d.operations {
		if o.method == method && o.matches.MatchString(path) {
			return o, true
		}
	}
	return operation{}, false
}

func (d *document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.schemas[pointer]; ok {
		return s, nil
	}
	s, err := d.compiler.Compile("mem:///openapi.json#" + pointer)
	if err == nil {
		d.schemas[pointer] = s
	}
	return s, err
}

func (d *document) validate(pointer string, value any) error {
	s, err := d.schema(pointer)
	if err != nil {
		return err
	}
	return s.Validate(value)
}

// check judges an answer: is its status described, has it the content type, the
// headers and the body that the description says. Only what is no operation may
// go undescribed, and must be a problem of code not_found.
func (d *document) check(method, path string, r *http.Response, body []byte) error {
	if err := commonHeaders(method, r); err != nil {
		return err
	}
	o, ok := d.find(method, path)
	if !ok {
		return d.checkNothing(method, r, body)
	}
	status := strconv.Itoa(r.StatusCode)
	response, ok := o.responses[status].(map[string]any)
	if !ok {
		return fmt.Errorf("the document describes no status %s", status)
	}
	pointer := o.pointer + "/" + status
	if err := d.checkHeaders(pointer, response, r.Header); err != nil {
		return err
	}
	if err := d.checkContent(pointer, response, method, r, body); err != nil {
		return err
	}
	d.mu.Lock()
	d.seen[o.method+" "+o.path+" "+status] = true
	d.mu.Unlock()
	return nil
}

// commonHeaders are those of every answer.
func commonHeaders(method string, r *http.Response) error {
	if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") == "" {
		return fmt.Errorf("the headers that keep browsers safe are missing: %v", r.Header)
	}
	reading := method == http.MethodGet || method == http.MethodHead
	if open := r.Header.Get("Access-Control-Allow-Origin") == "*"; open != reading {
		return fmt.Errorf("open to other origins: %t", open)
	}
	for _, name := range []string{"ETag", "Link"} {
		if reading && !strings.Contains(r.Header.Get("Access-Control-Expose-Headers"), name) {
			return fmt.Errorf("%s is not exposed to other origins", name)
		}
	}
	return nil
}

func (d *document) checkNothing(method string, r *http.Response, body []byte) error {
	if r.StatusCode != http.StatusNotFound || r.Header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("no operation of the document, yet answered %d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	if method == http.MethodHead {
		return nil
	}
	return d.checkBody("/components/schemas/Problem", "application/problem+json", r, body)
}

func (d *document) checkHeaders(pointer string, response map[string]any, h http.Header) error {
	headers, _ := response["headers"].(map[string]any)
	for name, of := range headers {
		of := of.(map[string]any)
		got := h.Get(name)
		if got == "" {
			if of["required"] == true {
				return fmt.Errorf("header %s is missing", name)
			}
			continue
		}
		var value any = got
		if of["schema"].(map[string]any)["type"] == "integer" {
			n, err := strconv.ParseInt(got, 10, 64)
			if err != nil {
				return fmt.Errorf("header %s is no integer: %q", name, got)
			}
			value = n
		}
		if err := d.validate(pointer+"/headers/"+name+"/schema", value); err != nil {
			return fmt.Errorf("header %s: %w", name, err)
		}
	}
	return nil
}

func (d *document) checkContent(pointer string, response map[string]any, method string, r *http.Response, body []byte) error {
	content, _ := response["content"].(map[string]any)
	if content == nil {
		if len(body) > 0 {
			return fmt.Errorf("%d bytes where no content is described", len(body))
		}
		return nil
	}
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	of, ok := content[got].(map[string]any)
	if !ok {
		return fmt.Errorf("content type %s is not described, but %s", got, slices.Sorted(maps.Keys(content)))
	}
	if method == http.MethodHead {
		if len(body) > 0 {
			return fmt.Errorf("HEAD was answered with %d bytes", len(body))
		}
		return nil
	}
	if _, ok := of["schema"]; !ok {
		return nil
	}
	return d.checkBody(pointer+"/content/"+escape(got)+"/schema", got, r, body)
}

func (d *document) checkBody(pointer, contentType string, r *http.Response, body []byte) error {
	var value any = string(body)
	if strings.HasSuffix(contentType, "json") && contentType != "application/x-ndjson" {
		var err error
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(body)); err != nil {
			return fmt.Errorf("the body is no JSON: %w", err)
		}
	}
	if err := d.validate(pointer, value); err != nil {
		return err
	}
	if contentType == "application/problem+json" {
		return d.checkProblem(value.(map[string]any), r)
	}
	return nil
}

// checkProblem checks what a schema cannot say: that a problem's members and the
// status agree.
func (d *document) checkProblem(problem map[string]any, r *http.Response) error {
	code := problem["code"].(string)
	if problem["type"] != "/problems/"+code {
		return fmt.Errorf("code %s has the type %v", code, problem["type"])
	}
	if fmt.Sprint(problem["status"]) != strconv.Itoa(r.StatusCode) {
		return fmt.Errorf("status %v in a problem with HTTP status %d", problem["status"], r.StatusCode)
	}
	d.mu.Lock()
	d.codes[code] = true
	d.mu.Unlock()
	return nil
}
