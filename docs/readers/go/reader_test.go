package controlplane

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	deadline = 30 * time.Second
	wait     = 2 * time.Second // of the tests' Consul, whatever is asked for
)

// ── the vectors, which every reader in every language runs ──

func vectors(t *testing.T, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "vectors", file))
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func at(t *testing.T, text string) func() time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return func() time.Time { return moment }
}

func TestBuckets(t *testing.T) {
	var vector struct {
		Cases []struct {
			Service, Switch, Unit string
			Bucket                uint32
		}
	}
	vectors(t, "buckets.json", &vector)
	for _, c := range vector.Cases {
		if got := Bucket(c.Service, c.Switch, c.Unit); got != c.Bucket {
			t.Errorf("%s/%s/%q: bucket %d, not %d", c.Service, c.Switch, c.Unit, got, c.Bucket)
		}
	}
}

func TestEffectiveValues(t *testing.T) {
	var vector struct {
		Document json.RawMessage
		Cases    []struct {
			Name, Switch, Now string
			Region, Unit      *string
			Value             json.RawMessage
		}
	}
	vectors(t, "effective.json", &vector)
	for _, c := range vector.Cases {
		t.Run(c.Name, func(t *testing.T) {
			region, unit := "", []string{}
			if c.Region != nil {
				region = *c.Region
			}
			if c.Unit != nil {
				unit = append(unit, *c.Unit)
			}
			document, err := parseSwitches(vector.Document, "checkout", region, at(t, c.Now))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(document.value(c.Switch, unit))
			if err != nil || !sameJSON(got, c.Value) {
				t.Errorf("%s, not %s (%v)", got, c.Value, err)
			}
		})
	}
}

func sameJSON(a, b []byte) bool {
	var left, right any
	return json.Unmarshal(a, &left) == nil && json.Unmarshal(b, &right) == nil && reflect.DeepEqual(left, right)
}

func TestExpiries(t *testing.T) {
	var vector struct {
		Cases []struct {
			Name, At string
			Steps    []struct {
				Publish json.RawMessage
				Now     string
				Value   bool
			}
		}
	}
	vectors(t, "expiries.json", &vector)
	for _, c := range vector.Cases {
		t.Run(c.Name, func(t *testing.T) {
			clock := at(t, first(c.At, "2026-01-12T09:00:00Z"))
			parse := func(raw []byte) (*document, error) {
				return parseSwitches(raw, "checkout", "eu-west", func() time.Time { return clock() })
			}
			var in *held
			for number, step := range c.Steps {
				if step.Publish != nil {
					if read, _ := judge(in, step.Publish, parse, false); read != nil {
						in = &held{read, step.Publish, "live", nil}
					}
					continue
				}
				clock = at(t, step.Now)
				if got := in.document.value("recommendations", nil); got != step.Value {
					t.Errorf("step %d: %v, not %v", number, got, step.Value)
				}
			}
		})
	}
}

func TestDocuments(t *testing.T) {
	var vector struct {
		Held  map[string]string
		Cases []struct {
			Name, Kind, Does, Err, Sum string
			First, Stale               bool
			Read                       json.RawMessage
			Observed                   *int64
		}
	}
	vectors(t, "documents.json", &vector)
	for _, c := range vector.Cases {
		t.Run(c.Name, func(t *testing.T) {
			parse := func(raw []byte) (*document, error) {
				if c.Kind == "failover" {
					return parseFailover(raw, "checkout")
				}
				return parseSwitches(raw, "checkout", "eu-west", time.Now)
			}
			var in *held
			if raw := []byte(vector.Held[c.Kind]); !c.First {
				read, err := parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				in = &held{read, raw, "live", nil}
			}
			read := joined(t, c.Read)
			applied, refused := judge(in, read, parse, c.Stale)
			switch {
			case applied != nil:
				if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(read)); c.Does != "apply" || sum != c.Sum {
					t.Errorf("applied with sum %s, wanted: %s %s", sum, c.Does, c.Sum)
				}
			case refused != nil:
				checkRefusal(t, refused, c.Does, c.Observed, c.Err)
			case c.Does != "ignore":
				t.Errorf("ignored, wanted: %s", c.Does)
			}
		})
	}
}

func checkRefusal(t *testing.T, refused *refusal, does string, observed *int64, err string) {
	t.Helper()
	wanted := int64(-1)
	if observed != nil {
		wanted = *observed
	}
	if does != "nack" || refused.observed != wanted || refused.err == "" {
		t.Errorf("refused %d: %s; wanted: %s %d", refused.observed, refused.err, does, wanted)
	}
	if err != "" && refused.err != err {
		t.Errorf("err %q, not %q", refused.err, err)
	}
}

// joined is what a vector describes: a text, or a list of texts, repetitions and bytes.
func joined(t *testing.T, described json.RawMessage) []byte {
	t.Helper()
	var text string
	if json.Unmarshal(described, &text) == nil {
		return []byte(text)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(described, &parts); err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	for _, part := range parts {
		var special struct {
			Repeat, Base64 string
			Times          int
		}
		if json.Unmarshal(part, &text) == nil {
			whole.WriteString(text)
			continue
		}
		if err := json.Unmarshal(part, &special); err != nil {
			t.Fatal(err)
		}
		decoded, err := base64.StdEncoding.DecodeString(special.Base64)
		if err != nil {
			t.Fatal(err)
		}
		whole.Write(decoded)
		whole.WriteString(strings.Repeat(special.Repeat, special.Times))
	}
	return whole.Bytes()
}

func TestHeaders(t *testing.T) {
	var vector struct {
		Cases []struct {
			Name, Header string
			Applied      []struct {
				Kind, Name, Sum, State, Src, Err string
				Revision                         int64
				Observed                         *int64
			}
		}
		Errors []struct{ Text, Err string }
	}
	vectors(t, "header.json", &vector)
	for _, c := range vector.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var entries []applied
			for _, a := range c.Applied {
				entry := applied{a.Kind, a.Name, a.Sum, a.State, a.Src, a.Err, a.Revision, -1}
				if a.Observed != nil {
					entry.observed = *a.Observed
				}
				entries = append(entries, entry)
			}
			if got := render(entries); got != c.Header {
				t.Errorf("%s\nnot\n%s", got, c.Header)
			}
		})
	}
	for _, c := range vector.Errors {
		if got := shorten(c.Text); got != c.Err {
			t.Errorf("%q, not %q", got, c.Err)
		}
	}
}

// ── pace ──

func TestAtMostFiveRequestsInAnySecond(t *testing.T) {
	var p pace
	var sent []time.Time
	now := time.Now()
	for len(sent) < 1000 {
		sent = append(sent, now.Add(p.wait(now)))
		if len(sent)%100 == 0 { // a time of rest
			now = now.Add(time.Minute)
		}
		if last := sent[len(sent)-1]; last.After(now) {
			now = last
		}
	}
	for i := range sent {
		if i+5 < len(sent) && sent[i+5].Sub(sent[i]) < time.Second {
			t.Fatalf("six requests within %v", sent[i+5].Sub(sent[i]))
		}
	}
}

func TestBackOffDoublesUpToABound(t *testing.T) {
	var bounds []float64
	for failures := 0; failures < 9; failures++ {
		bounds = append(bounds, backoff(failures, 1).Seconds())
	}
	if wanted := []float64{0.5, 1, 2, 4, 8, 16, 30, 30, 30}; !reflect.DeepEqual(bounds, wanted) {
		t.Errorf("%v, not %v", bounds, wanted)
	}
	if backoff(1000, 0) != 0 {
		t.Error("full jitter begins at nothing")
	}
}

// ── following, beside a Consul that a test owns ──

type consul struct {
	mutex    sync.Mutex
	index    int
	values   map[string]string
	woken    chan struct{}
	closing  bool // every answer closes its connection
	broken   bool
	homeless bool // the home datacenter of the documents cannot be reached from here
	asked    []url.Values
	server   *httptest.Server
}

func newConsul(t *testing.T) *consul {
	c := &consul{index: 10, values: map[string]string{}, woken: make(chan struct{})}
	c.server = httptest.NewServer(c)
	t.Cleanup(func() {
		c.wake(func() {}) // who waits is let go
		c.server.CloseClientConnections()
		c.server.Close()
	})
	return c
}

func (c *consul) wake(change func()) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.index++
	change()
	close(c.woken)
	c.woken = make(chan struct{})
}

func (c *consul) put(key, value string) {
	c.wake(func() { c.values["/v1/kv/controlplane/"+key] = value })
}

func (c *consul) queries() []url.Values {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]url.Values{}, c.asked...)
}

func (c *consul) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	c.mutex.Lock()
	c.asked = append(c.asked, request.URL.Query())
	index, _ := strconv.Atoi(request.URL.Query().Get("index"))
	woken, waits := c.woken, index >= c.index && !c.closing
	c.mutex.Unlock()
	if waits {
		select {
		case <-woken:
		case <-time.After(wait):
		case <-request.Context().Done():
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closing {
		w.Header().Set("Connection", "close")
	}
	if c.broken || c.homeless && request.URL.Query().Has("dc") {
		http.Error(w, "rpc error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Consul-Index", strconv.Itoa(c.index))
	value, found := c.values[request.URL.Path]
	if !found {
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprint(w, value)
}

func read(t *testing.T, c *consul, change ...func(*Options)) *Reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	options := Options{
		Service: "checkout", Groups: []string{"checkout"}, Defaults: map[string]string{"checkout": "ap-south"},
		Address: c.server.URL, Logf: t.Logf,
	}
	for _, change := range change {
		change(&options)
	}
	reader := New(options)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		reader.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return reader
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for started := time.Now(); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Since(started) > deadline {
			t.Fatalf("not so after %v: %s", deadline, what)
		}
	}
}

func failoverDocument(revision int, region, handover string) string {
	return fmt.Sprintf(`{"schema":"controlplane.failover/1","group":"checkout","revision":%d,"term":1,`+
		`"state":"active","home":"home","active":%q,"weights":{},"previous":null,"handover":%q,"lease_seconds":2,`+
		`"change":{"id":"1","kind":"manual","by":"a","reason":"r","at":"t"}}`, revision, region, handover)
}

func switchDocument(revision, depth int, expires string) string {
	return fmt.Sprintf(`{"schema":"controlplane.switches/1","service":"checkout","revision":%d,"switches":{`+
		`"search-depth":{"type":"int","state":"degraded","value":%d,"normal":3,"expires_at":%s}},`+
		`"change":{"id":"1","kind":"flip","by":"a","reason":"r","at":"t"}}`, revision, depth, expires)
}

func TestAReaderFollowsAndNeverLosesAValue(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	reader := read(t, c)
	depth := func() int64 { return reader.Int("search-depth", 7) }
	says := func(text string) func() bool {
		return func() bool { return strings.Contains(reader.AppliedHeader(), text) }
	}
	if depth() != 7 || reader.ActiveRegion("checkout") != "ap-south" {
		t.Error("the code's defaults hold until there is a document")
	}
	until(t, "absent", says("switches.checkout=0;state=absent;src=default"))
	c.put("switches/checkout", switchDocument(2, 1, "null"))
	until(t, "the flip", func() bool { return depth() == 1 })
	c.put("failover/checkout", failoverDocument(5, "eu-west", "overlap"))
	until(t, "the move", func() bool { return reader.ActiveRegion("checkout") == "eu-west" })
	c.put("switches/checkout", switchDocument(1, 2, "null"))
	until(t, "the refusal", says(`state=nack;src=live;observed=1;err=%"revision went back"`))
	c.wake(func() { c.values = map[string]string{}; c.index = 1 })
	until(t, "absent again", says("failover.checkout=5;"))
	if depth() != 1 || reader.ActiveRegion("checkout") != "eu-west" || reader.Revision("switches.checkout") != 2 {
		t.Error("a wiped store takes nothing away")
	}
	c.put("switches/checkout", switchDocument(3, 4, "null"))
	until(t, "the next flip", func() bool { return depth() == 4 })
}

func TestAReaderStartsFromItsFile(t *testing.T) {
	t.Parallel()
	c, directory := newConsul(t), t.TempDir()
	c.put("switches/checkout", switchDocument(2, 1, "null"))
	first := read(t, c, func(o *Options) { o.Directory = directory })
	until(t, "the acknowledgement", func() bool { return strings.Contains(first.AppliedHeader(), "switches.checkout=2") })
	second := New(Options{Service: "checkout", Directory: directory, Address: "127.0.0.1:1", Logf: t.Logf})
	if got := second.Int("search-depth", 7); got != 1 {
		t.Errorf("%d, not the last known value", got)
	}
	if said := second.AppliedHeader(); !strings.HasSuffix(said, ";state=stale;src=disk") {
		t.Error(said)
	}
	if stat, err := os.Stat(filepath.Join(directory, "switches.checkout.json")); err != nil || stat.Mode().Perm() != 0o600 {
		t.Error(stat.Mode(), err)
	}
}

func TestAConnectionThatIsGoneTakesItsIndexAlong(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	c.closing = true
	read(t, c)
	until(t, "six requests", func() bool { return len(c.queries()) >= 6 })
	for _, query := range c.queries() {
		if query.Has("index") {
			t.Errorf("asked with %v on a new connection", query)
		}
	}
}

func TestAFailureIsEndured(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	c.put("switches/checkout", switchDocument(2, 1, "null"))
	reader := read(t, c)
	until(t, "the flip", func() bool { return reader.Int("search-depth", 7) == 1 })
	c.wake(func() { c.broken = true })
	until(t, "a second request since", func() bool { return reader.switches.contact.stale() })
	c.wake(func() { c.broken = false })
	c.put("switches/checkout", switchDocument(3, 2, "null"))
	until(t, "the flip after the failure", func() bool { return reader.Int("search-depth", 7) == 2 })
}

func TestListenersHearOfFlipsAndExpiries(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	heard := make(chan Change, 10)
	reader := read(t, c)
	reader.OnChange(func(Change) { panic("a listener's mistake") })
	reader.OnChange(func(change Change) { heard <- change })
	soon := time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)
	c.put("switches/checkout", switchDocument(2, 1, strconv.Quote(soon)))
	for number := 0; number < 2; number++ {
		select {
		case change := <-heard:
			if wanted := (Change{"switches.checkout", 2, []string{"search-depth"}}); !reflect.DeepEqual(change, wanted) {
				t.Errorf("%+v, not %+v", change, wanted)
			}
		case <-time.After(deadline):
			t.Fatal("nothing was heard")
		}
	}
	if got := reader.Int("search-depth", 7); got != 3 {
		t.Errorf("%d after the expiry, not the normal value", got)
	}
}

func TestMistakesOfAServiceAreSaidOnce(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	c.put("switches/checkout", switchDocument(2, 1, "null"))
	said := make(chan string, 10)
	reader := read(t, c, func(o *Options) {
		o.Logf = func(format string, args ...any) { said <- fmt.Sprintf(format, args...) }
	})
	until(t, "the flip", func() bool { return reader.Int("search-depth", 7) == 1 })
	for range [3]int{} {
		if !reader.Bool("search-depth", true) || reader.String("serach-depth", "x") != "x" {
			t.Error("the fallback answers")
		}
	}
	if len(said) != 2 {
		t.Errorf("said %d times, not once for each", len(said))
	}
}

func TestMiddlewareAcknowledges(t *testing.T) {
	reader := New(Options{Service: "checkout", Address: "127.0.0.1:1"})
	response := httptest.NewRecorder()
	reader.Middleware(http.NotFoundHandler()).ServeHTTP(response, httptest.NewRequest("GET", "/health", nil))
	if got := response.Header().Get(AppliedHeader); got != "switches.checkout=0;state=stale;src=default" {
		t.Error(got)
	}
}

// ── exclusive groups ──

func TestAnExclusiveGroupIsActiveWhileItsLeaseHolds(t *testing.T) {
	t.Parallel()
	c, directory := newConsul(t), t.TempDir()
	c.put("failover/checkout", failoverDocument(5, "eu-west", "exclusive"))
	reader := read(t, c, func(o *Options) { o.Directory = directory })
	active := func() bool { return reader.ActiveRegion("checkout") == "eu-west" }
	until(t, "the lease", active)
	if region, token := reader.Active("checkout"); region == "eu-west" && token != 5 {
		t.Errorf("fencing token %d, not the revision", token)
	}
	if New(Options{Groups: []string{"checkout"}, Directory: directory}).ActiveRegion("checkout") != "" {
		t.Error("a region from disk is active")
	}
	c.wake(func() { c.broken = true })
	until(t, "the end of the lease", func() bool { return !active() })
	if reader.Revision("failover.checkout") != 5 {
		t.Error("what is shown is lost with the lease")
	}
	c.wake(func() { c.broken = false })
	until(t, "the lease again", active)
	c.put("failover/checkout", strings.Replace(
		failoverDocument(6, "", "exclusive"), `"state":"active","home":"home","active":""`, `"state":"fenced","home":"home","active":null`, 1))
	until(t, "the fence", func() bool { return reader.Revision("failover.checkout") == 6 })
	if active() {
		t.Error("a fenced region is active")
	}
}

func TestOnlyTheHomeDatacenterGrantsALease(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	c.put("failover/checkout", failoverDocument(5, "eu-west", "exclusive"))
	c.wake(func() { c.homeless = true })
	reader := read(t, c, func(o *Options) { o.Service = "" })
	until(t, "a stale read of the copy", func() bool {
		return len(c.queries()) > 3 && strings.Contains(reader.AppliedHeader(), "failover.checkout=5;")
	})
	if region := reader.ActiveRegion("checkout"); region != "" {
		t.Errorf("%s is active by a copy", region)
	}
	for _, query := range c.queries() {
		if query.Has("index") && !(query.Has("consistent") && query.Get("dc") == "home" && query.Get("wait") == "500ms") {
			t.Errorf("waited with %v", query)
		}
	}
}

func TestALeaseRunsWhileTheMachineSleeps(t *testing.T) {
	document, err := parseFailover([]byte(failoverDocument(5, "eu-west", "exclusive")), "checkout")
	if err != nil {
		t.Fatal(err)
	}
	for asleep, wanted := range map[time.Duration]bool{
		0: true, document.lease - 2*uptimeStep: true, document.lease: false, time.Hour: false,
	} {
		reader := New(Options{Groups: []string{"checkout"}})
		reader.uptime = func() (time.Duration, error) { return time.Minute + asleep, nil }
		in := &held{document, nil, "live", &moment{time.Now(), time.Minute}}
		if got := reader.holds(in); got != wanted {
			t.Errorf("after %v of sleep: %v", asleep, got)
		}
	}
}

func TestWithoutAnUptimeNoExclusiveRegionIsActive(t *testing.T) {
	t.Parallel()
	c := newConsul(t)
	c.put("failover/checkout", failoverDocument(5, "eu-west", "exclusive"))
	reader := New(Options{Groups: []string{"checkout"}, Address: c.server.URL, Logf: t.Logf})
	reader.uptime = func() (time.Duration, error) { return 0, os.ErrNotExist }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); reader.Run(ctx) }()
	until(t, "three requests", func() bool { return len(c.queries()) >= 3 })
	if region := reader.ActiveRegion("checkout"); region != "" {
		t.Error(region)
	}
	cancel()
	<-ended
}

// ── cost ──

func inForce(t testing.TB, raw string) *Reader {
	reader := New(Options{Service: "checkout", Region: "eu-west", Address: "127.0.0.1:1"})
	document, err := parseSwitches([]byte(raw), "checkout", "eu-west", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	reader.switches.held.Store(&held{document, []byte(raw), "live", nil})
	return reader
}

const shared = `{"schema":"controlplane.switches/1","service":"checkout","revision":2,"switches":{` +
	`"recommendations":{"type":"bool","state":"degraded","value":false,"normal":true,"percent":50,` +
	`"expires_at":"2999-01-12T11:31:07Z"}},"change":{"id":"1","kind":"flip","by":"a","reason":"r","at":"t"}}`

func TestALookUpAllocatesNothing(t *testing.T) {
	reader, unit := inForce(t, shared), "user-1"
	for name, ask := range map[string]func(){
		"a bool":          func() { reader.Bool("recommendations", true) },
		"a bool of units": func() { reader.Bool("recommendations", true, unit) },
	} {
		if allocations := testing.AllocsPerRun(1000, ask); allocations > 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
	if reader.Bool("recommendations", true, unit) || !reader.Bool("recommendations", false) {
		t.Error("user-1 is in the share, who names no unit is not")
	}
}

func BenchmarkBool(b *testing.B) {
	reader := inForce(b, strings.Replace(shared, `"expires_at":"2999-01-12T11:31:07Z"`, `"expires_at":null`, 1))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			reader.Bool("recommendations", true)
		}
	})
}

func BenchmarkBoolOfAUnitWithAnExpiry(b *testing.B) {
	reader, unit := inForce(b, shared), "user-1"
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		reader.Bool("recommendations", true, unit)
	}
}

func TestRunLeavesNothingRunning(t *testing.T) {
	c := newConsul(t)
	before := runtime.NumGoroutine()
	reader := New(Options{Service: "checkout", Groups: []string{"checkout"}, Address: c.server.URL, Logf: t.Logf})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); reader.Run(ctx) }()
	until(t, "requests", func() bool { return len(c.queries()) >= 3 })
	cancel()
	<-ended
	until(t, "nothing runs any more", func() bool { return runtime.NumGoroutine() <= before })
}

// ── beside the reference ──

// TestVerdicts says what becomes of each line of a file, for a test that asks the Python reader the same.
func TestVerdicts(t *testing.T) {
	given, err := os.ReadFile(os.Getenv("VERDICTS"))
	if err != nil {
		t.Skip("VERDICTS names no file of documents")
	}
	for _, line := range strings.Fields(string(given)) {
		kind, encoded, _ := strings.Cut(line, ":")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(verdict(t, kind, raw))
	}
}

func verdict(t *testing.T, kind string, raw []byte) string {
	clock := at(t, "2026-01-12T09:00:00Z")
	applied, refused := judge(nil, raw, func(raw []byte) (*document, error) {
		if kind == "failover" {
			return parseFailover(raw, "checkout")
		}
		return parseSwitches(raw, "checkout", "eu-west", clock)
	}, false)
	if refused != nil {
		return fmt.Sprintf("verdict nack %d", refused.observed)
	}
	text := fmt.Sprintf("verdict apply %d %s", applied.revision, applied.active)
	for name := range applied.entries {
		value, _ := json.Marshal(applied.value(name, []string{"user-1"}))
		if is := string(value); is == "true" || is == "false" {
			text += " " + name + "=" + is
		}
	}
	return text
}
