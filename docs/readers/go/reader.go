// Package controlplane reads the control plane's documents from Consul: which region of a failover group is
// active, and what the switches of a service are worth. It is one file on the standard library alone: copy it.
//
//	reader := controlplane.New(controlplane.Options{
//		Service: "checkout", Region: "us-east", Groups: []string{"checkout"}, Directory: "/var/lib/checkout",
//	})
//	go reader.Run(ctx)
//	http.Handle("/health", reader.Middleware(health))
//	...
//	if reader.Bool("recommendations", true) && reader.ActiveRegion("checkout") == "us-east" { ... }
//
// A reader starts from its last-known-good files, follows each document with a blocking query, never takes a
// known value away, never goes back to a lower revision, and says what it has applied in a response header. Of a
// group that hands over exclusively it names the active region only while it holds a lease, which takes Linux.
// docs/readers/README.md says all the rules.
package controlplane

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"math"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

const (
	// AppliedHeader is the response header that says which documents are in force.
	AppliedHeader = "Controlplane-Applied"

	failoverSchema = "controlplane.failover/1"
	switchesSchema = "controlplane.switches/1"

	queryWait       = 30 * time.Second
	queryTimeout    = 40 * time.Second      // above 17/16 of the wait plus 8 s
	leaseMin        = time.Second           // a group with a shorter one has no active region
	leaseMax        = time.Hour             // a longer one is taken for this
	uptimeStep      = 10 * time.Millisecond // of /proc/uptime
	connectTimeout  = 2 * time.Second
	backoffFirst    = 500 * time.Millisecond
	backoffMax      = 30 * time.Second
	burstRequests   = 3
	refill          = 500 * time.Millisecond // with the burst: at most five requests in any second
	staleAfter      = 5 * time.Second        // without an answer since a failure
	silentAfter     = 45 * time.Second       // without any answer
	expiryCheckMax  = 10 * time.Second       // how late a listener may hear of an expiry after the clock was set
	documentBytes   = 128 * 1024
	answerBytes     = 1024 * 1024
	textValueBytes  = 4096
	valueDepth      = 32
	headerBytes     = 4096
	errBytes        = 200
	revisionLimit   = 1_000_000_000_000
	complaintsMax   = 1000
	percentMax      = 100
	yearMax         = 9999
	wentBack        = "revision went back"
	defaultPrefix   = "controlplane/"
	consulByDefault = "127.0.0.1:8500"
)

// Options say what to follow and where. Only Service or Groups must be set.
type Options struct {
	Service   string            // whose switches to follow; empty: none
	Region    string            // where this process runs: whose overrides of switches hold here
	Groups    []string          // the failover groups to follow
	Defaults  map[string]string // the active region of each group that has never had a document
	Directory string            // of the last-known-good files, this process's own; empty: none are kept
	Address   string            // Consul, host:port or URL; empty: CONSUL_HTTP_ADDR, else the local agent
	Token     string            // empty: CONSUL_HTTP_TOKEN
	TLS       *tls.Config       // of an https URL; nil: the machine's authorities
	Prefix    string            // where the control plane writes; empty: controlplane/
	Now       func() time.Time  // the clock by which switches expire; nil: the machine's
	Logf      func(format string, args ...any)
}

// Change tells a listener what is in force that was not before: a new revision, or an expiry that has passed.
type Change struct {
	Document string   // as in the header: failover.checkout, switches.checkout
	Revision int64    // of that document
	Switches []string // whose entry is another, or has expired
}

// Reader answers from memory; all its methods may be called from any goroutine.
type Reader struct {
	options   Options
	base      string
	client    *http.Client
	pace      pace
	groups    map[string]*standing
	switches  *standing
	order     []*standing
	listeners []func(Change)
	mutex     sync.Mutex // of listeners
	complain  complaints
	uptime    func() (time.Duration, error)
}

// New makes a reader that serves from its last-known-good files at once, and follows as soon as Run is called.
func New(options Options) *Reader {
	options = withDefaults(options)
	r := &Reader{
		options: options, base: consulURL(options.Address), groups: map[string]*standing{}, uptime: uptime,
	}
	for _, group := range options.Groups {
		group := group
		r.groups[group] = r.follow("failover", group, func(raw []byte) (*document, error) {
			return parseFailover(raw, group)
		})
	}
	if options.Service != "" {
		r.switches = r.follow("switches", options.Service, func(raw []byte) (*document, error) {
			return parseSwitches(raw, options.Service, options.Region, options.Now)
		})
		r.switches.changed = make(chan struct{}, 1)
	}
	r.client = &http.Client{
		Transport:     transport(len(r.order), options.TLS),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r
}

// Run follows every document until the context ends, and returns when nothing of it runs any more. Call it once.
func (r *Reader) Run(ctx context.Context) {
	defer r.client.CloseIdleConnections()
	var running sync.WaitGroup
	for _, s := range r.order {
		running.Add(1)
		go func(s *standing) {
			defer running.Done()
			// The global source of Go 1.19 gives every process the same numbers.
			seed := time.Now().UnixNano() + int64(crc32.ChecksumIEEE([]byte(s.key)))
			(&follower{reader: r, standing: s, jitter: rand.New(rand.NewSource(seed))}).run(ctx)
		}(s)
	}
	if r.switches != nil {
		r.watchExpiries(ctx)
	}
	running.Wait()
}

// OnChange calls listener after each change has been put in force; it must not block for long.
func (r *Reader) OnChange(listener func(Change)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.listeners = append(r.listeners, listener)
}

// Bool is the value of a switch of type bool here and now, for a unit where one is given. The fallback answers
// as long as no document is known, for a switch that is not declared, and where the switch is of another type.
func (r *Reader) Bool(name string, fallback bool, unit ...string) bool {
	return valueOf(r, name, fallback, unit)
}

// Int is Bool for a switch of type int.
func (r *Reader) Int(name string, fallback int64, unit ...string) int64 {
	return valueOf(r, name, fallback, unit)
}

// Float is Bool for a switch of type float.
func (r *Reader) Float(name string, fallback float64, unit ...string) float64 {
	return valueOf(r, name, fallback, unit)
}

// String is Bool for a switch of type string.
func (r *Reader) String(name, fallback string, unit ...string) string {
	return valueOf(r, name, fallback, unit)
}

// JSON is Bool for a switch of type json; the bytes must not be changed.
func (r *Reader) JSON(name string, fallback json.RawMessage, unit ...string) json.RawMessage {
	return valueOf(r, name, fallback, unit)
}

// valueOf answers what a switch is worth, or the fallback; that one is unknown or of another type is said once.
func valueOf[T any](r *Reader, name string, fallback T, unit []string) T {
	if r.switches != nil {
		held := r.switches.held.Load()
		if held == nil {
			return fallback
		}
		if value, ok := held.document.value(name, unit).(T); ok {
			return value
		}
	}
	r.complain.once(r.options.Logf, "switch "+name, "switch %q is no declared %T: the fallback holds", name, fallback)
	return fallback
}

// ActiveRegion is the active region of a group; empty while it is fenced or retired, before any is known, of an
// exclusive group while no lease is held, and for a group that this reader does not follow.
func (r *Reader) ActiveRegion(group string) string {
	region, _ := r.Active(group)
	return region
}

// Active is ActiveRegion with the revision that says so: the fencing token for work that must not overlap.
func (r *Reader) Active(group string) (region string, revision int64) {
	s := r.groups[group]
	if s == nil {
		r.complain.once(r.options.Logf, "group "+group, "group %q is not followed", group)
		return "", 0
	}
	held := s.held.Load()
	if held == nil {
		return r.options.Defaults[group], 0
	}
	if held.document.exclusive && !r.holds(held) {
		return "", held.document.revision
	}
	return held.document.active, held.document.revision
}

// Revision is the revision in force of a document, named as in the header; 0 before there is any.
func (r *Reader) Revision(document string) int64 {
	for _, s := range r.order {
		if held := s.held.Load(); held != nil && s.String() == document {
			return held.document.revision
		}
	}
	return 0
}

// AppliedHeader is the value of Controlplane-Applied for every health response of this process.
func (r *Reader) AppliedHeader() string {
	entries := make([]applied, 0, len(r.order))
	for _, s := range r.order {
		entries = append(entries, s.applied())
	}
	return render(entries)
}

// Middleware adds Controlplane-Applied to every response of next: wrap the health endpoint in it.
func (r *Reader) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set(AppliedHeader, r.AppliedHeader())
		next.ServeHTTP(w, request)
	})
}

// follow makes the standing of one document and puts its last-known-good file in force.
func (r *Reader) follow(kind, name string, parse func([]byte) (*document, error)) *standing {
	s := &standing{kind: kind, name: name, key: r.options.Prefix + kind + "/" + name, parse: parse}
	if r.options.Directory != "" {
		s.file = filepath.Join(r.options.Directory, s.String()+".json")
	}
	s.said.Store(&said{})
	if kept := r.kept(s); kept != nil {
		s.held.Store(kept)
		s.said.Store(&said{held: kept})
	}
	r.order = append(r.order, s)
	return s
}

func (r *Reader) tell(change Change) {
	r.mutex.Lock()
	listeners := append([]func(Change){}, r.listeners...)
	r.mutex.Unlock()
	for _, listener := range listeners {
		r.tellOne(listener, change)
	}
}

// tellOne endures a listener that panics: a mistake of the service must not stop the following.
func (r *Reader) tellOne(listener func(Change), change Change) {
	defer func() {
		if problem := recover(); problem != nil {
			r.options.Logf("a listener failed on %s=%d: %v", change.Document, change.Revision, problem)
		}
	}()
	listener(change)
}

// watchExpiries tells listeners of each expiry as it passes.
func (r *Reader) watchExpiries(ctx context.Context) {
	for {
		pause := time.Hour // nothing will expire before another document is read, which ends the pause
		if held := r.switches.held.Load(); held != nil {
			expired, next := held.document.expire()
			if len(expired) > 0 {
				r.tell(Change{r.switches.String(), held.document.revision, expired})
			}
			if next != nil {
				pause = shorter(expiryCheckMax, next.at.Sub(r.options.Now()))
			}
		}
		if !sleep(ctx, pause, r.switches.changed) {
			return
		}
	}
}

func withDefaults(o Options) Options {
	o.Address = first(o.Address, os.Getenv("CONSUL_HTTP_ADDR"), consulByDefault)
	o.Token = first(o.Token, os.Getenv("CONSUL_HTTP_TOKEN"))
	o.Prefix = first(o.Prefix, defaultPrefix)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logf == nil {
		o.Logf = log.Printf
	}
	return o
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func shorter(a, b time.Duration) time.Duration {
	if b < a {
		return b
	}
	return a
}

// complaints are said once for each subject, and of so many subjects that a service cannot fill the log.
type complaints struct {
	said  sync.Map
	count atomic.Int64
}

func (c *complaints) once(logf func(string, ...any), subject, format string, args ...any) {
	if _, known := c.said.Load(subject); known || c.count.Load() >= complaintsMax {
		return
	}
	if _, known := c.said.LoadOrStore(subject, true); !known {
		c.count.Add(1)
		logf(format, args...)
	}
}

// ── how one document stands ──

// held is what is in force. Its region may be acted on from the moment it was last confirmed, if it ever was.
type held struct {
	document  *document
	raw       []byte
	src       string
	confirmed *moment
}

type refusal struct {
	observed int64 // -1: none could be told
	err      string
}

// said is what is acknowledged: it follows what is in force as soon as that is on disk.
type said struct {
	held    *held
	refusal *refusal
	absent  bool
}

// standing is one document in this process. One goroutine writes it; it changes by swapping one pointer.
type standing struct {
	kind, name, key, file string
	parse                 func([]byte) (*document, error)
	held                  atomic.Pointer[held]
	said                  atomic.Pointer[said]
	contact               contact
	changed               chan struct{}
}

func (s *standing) String() string { return s.kind + "." + s.name }

func (s *standing) applied() applied {
	said := s.said.Load()
	entry := applied{kind: s.kind, name: s.name, src: "default", observed: -1, state: s.state(said)}
	if said.held != nil {
		entry.revision, entry.src = said.held.document.revision, said.held.src
		entry.sum = fmt.Sprintf("%08x", crc32.ChecksumIEEE(said.held.raw))
	}
	if said.refusal != nil {
		entry.observed, entry.err = said.refusal.observed, shorten(said.refusal.err)
	}
	return entry
}

func (s *standing) state(said *said) string {
	switch {
	case said.refusal != nil:
		return "nack"
	case s.contact.stale():
		return "stale"
	case said.absent:
		return "absent"
	}
	return "ok"
}

// contact is whether what is in force can be said to be what Consul holds.
type contact struct {
	mutex        sync.Mutex
	answeredAt   time.Time // when a leader last answered; zero: none has since the last answer without one
	failingSince time.Time
}

func (c *contact) stale() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	lost := !c.failingSince.IsZero() && time.Since(c.failingSince) >= staleAfter
	return lost || c.answeredAt.IsZero() || time.Since(c.answeredAt) >= silentAfter
}

func (c *contact) answered(leader bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.answeredAt = time.Time{}
	if leader {
		c.answeredAt, c.failingSince = time.Now(), time.Time{}
	}
}

// failed notes a failure and says whether it is the first.
func (c *contact) failed() bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	first := c.failingSince.IsZero()
	if first {
		c.failingSince = time.Now()
	}
	return first
}

// ── leases of exclusive groups ──

// moment is a point in time by two clocks: Go's, which may sleep with the machine, and its uptime, which does not.
type moment struct {
	steady time.Time
	uptime time.Duration
}

// now is nil where the machine does not tell its uptime; leases are never held there.
func (r *Reader) now() *moment {
	up, err := r.uptime()
	if err != nil {
		r.complain.once(r.options.Logf, "uptime", "exclusive groups have no active region here: %v", err)
		return nil
	}
	return &moment{time.Now(), up}
}

// holds says whether the lease has not run out, which began when the request was sent that confirmed it last.
func (r *Reader) holds(in *held) bool {
	since := in.confirmed
	if since == nil {
		return false
	}
	now := r.now()
	return now != nil && now.steady.Sub(since.steady) < in.document.lease &&
		now.uptime-since.uptime+uptimeStep < in.document.lease
}

// uptime is Linux's CLOCK_BOOTTIME, rounded down to its step.
func uptime() (time.Duration, error) {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0, err
	}
	up, _, _ := strings.Cut(string(text), " ")
	return time.ParseDuration(up + "s")
}

// ── following ──

type follower struct {
	reader   *Reader
	standing *standing
	jitter   *rand.Rand
	failures int
	home     string // the datacenter that the index is from; empty: the agent's own
}

func (f *follower) run(ctx context.Context) {
	index := uint64(0)
	for ctx.Err() == nil {
		index = f.turn(ctx, index)
	}
}

// turn asks once, takes the answer in, and says with which index to ask next; 0 is none.
func (f *follower) turn(ctx context.Context, index uint64) uint64 {
	if !f.reader.pace.take(ctx) {
		return 0
	}
	q := query{key: f.standing.key, index: index, wait: queryWait, timeout: queryTimeout}
	if in := f.standing.held.Load(); in != nil && in.document.exclusive && in.document.lease >= leaseMin {
		q.home = in.document.home
		q.wait, q.timeout = shorter(q.wait, in.document.lease/4), shorter(q.timeout, in.document.lease/2)
	}
	if q.home != f.home {
		f.home, q.index = q.home, 0
	}
	got, err := f.ask(ctx, q)
	if errors.Is(err, errConnectionReplaced) { // nothing was sent
		q.index = 0
		got, err = f.ask(ctx, q)
	}
	if err != nil {
		f.endure(ctx, q, err)
		return 0
	}
	f.failures = 0
	f.take(got)
	if got.index < q.index { // Consul went back
		return 0
	}
	return got.index
}

// ask notes when a request was sent whose answer may count for a lease: only those to the home datacenter do.
func (f *follower) ask(ctx context.Context, q query) (answer, error) {
	var sent *moment
	if q.home != "" {
		sent = f.reader.now()
	}
	got, err := f.reader.ask(ctx, q)
	if got.leader {
		got.sent = sent
	}
	return got, err
}

// endure waits after a failure. Where no leader, or not the home datacenter can be asked, any server may tell
// what to show: that is never live, and counts for no lease.
func (f *follower) endure(ctx context.Context, q query, err error) {
	if ctx.Err() != nil {
		return
	}
	if f.standing.contact.failed() {
		f.reader.options.Logf("%s: Consul cannot be asked, keeping what is in force: %v", f.standing.key, err)
	}
	if (errors.Is(err, errNoLeader) || q.home != "") && f.reader.pace.take(ctx) {
		if got, err := f.reader.ask(ctx, query{key: q.key, stale: true, timeout: queryTimeout}); err == nil {
			f.take(got)
		}
	}
	sleep(ctx, backoff(f.failures, f.jitter.Float64()), nil)
	f.failures++
}

func (f *follower) take(got answer) {
	s := f.standing
	s.contact.answered(got.leader)
	before := s.said.Load()
	if !got.found {
		s.said.Store(&said{held: before.held, absent: true})
		return
	}
	former := s.held.Load()
	document, refused := judge(former, got.value, s.parse, !got.leader)
	switch {
	case document != nil:
		f.apply(former, &held{document, got.value, "live", got.sent})
	case refused != nil:
		if before.refusal == nil || *before.refusal != *refused {
			f.reader.options.Logf("%s: refused revision %d: %s", s.key, refused.observed, refused.err)
		}
		s.said.Store(&said{held: before.held, refusal: refused})
	default:
		f.confirm(former, got)
	}
}

// apply swaps one pointer, writes the file, acknowledges and tells, in this order.
func (f *follower) apply(former, now *held) {
	s := f.standing
	s.held.Store(now)
	f.reader.keep(s, now)
	s.said.Store(&said{held: now})
	change := Change{Document: s.String(), Revision: now.document.revision}
	if s.changed != nil {
		change.Switches = now.document.changesSince(former)
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
	f.reader.tell(change)
}

// confirm notes that what is in force was read again: from now on it is live even if it came from disk.
func (f *follower) confirm(former *held, got answer) {
	if bytes.Equal(former.raw, got.value) {
		confirmed := got.sent
		if confirmed == nil { // a copy takes no lease away
			confirmed = former.confirmed
		}
		former = &held{former.document, former.raw, "live", confirmed}
		f.standing.held.Store(former)
	}
	f.standing.said.Store(&said{held: former})
}

// judge decides what becomes of bytes: a document to apply, a refusal, or neither. A stale read may lag.
func judge(in *held, raw []byte, parse func([]byte) (*document, error), mayLag bool) (*document, *refusal) {
	if in != nil && bytes.Equal(in.raw, raw) {
		return nil, nil
	}
	read, err := parse(raw)
	switch {
	case err != nil:
		return nil, &refusal{revisionOf(raw), err.Error()}
	case in == nil || read.revision > in.document.revision:
		return read, nil
	case mayLag && read.revision < in.document.revision:
		return nil, nil
	}
	return nil, &refusal{read.revision, wentBack}
}

// backoff is full jitter: a wait between nothing and a bound, which doubles from 0.5 s up to 30 s.
func backoff(failures int, jitter float64) time.Duration {
	bound := backoffMax
	if failures < 6 {
		bound = backoffFirst << failures
	}
	return time.Duration(float64(bound) * jitter)
}

// pace lets three requests go at once and then two a second, of all documents together.
type pace struct {
	mutex sync.Mutex
	due   time.Time
}

// wait is how long the next request has to wait, which is then taken for sent.
func (p *pace) wait(now time.Time) time.Duration {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.due = p.due.Add(refill)
	if earliest := now.Add(-(burstRequests - 1) * refill); p.due.Before(earliest) {
		p.due = earliest
	}
	return p.due.Sub(now)
}

func (p *pace) take(ctx context.Context) bool {
	return sleep(ctx, p.wait(time.Now()), nil)
}

// sleep says whether the context still holds; it ends early when woken.
func sleep(ctx context.Context, pause time.Duration, woken <-chan struct{}) bool {
	if pause <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-woken:
	}
	return ctx.Err() == nil
}

// ── asking Consul ──

var (
	errNoLeader           = errors.New("Consul has no leader")
	errConnectionReplaced = errors.New("the connection that the index came from is gone")
)

// answer is what Consul holds under a key.
type answer struct {
	index  uint64
	found  bool
	value  []byte
	leader bool    // whether a leader stood behind it; of a stale read that is never said
	sent   *moment // when its request was, if it counts for a lease
}

type query struct {
	key           string
	index         uint64 // 0: answer at once
	home          string // the datacenter whose leader must answer; empty: the agent's own, as it is by default
	stale         bool   // any server may answer
	wait, timeout time.Duration
}

func (q query) String() string {
	values := url.Values{"raw": {""}}
	if q.index > 0 {
		values.Set("index", strconv.FormatUint(q.index, 10))
		values.Set("wait", fmt.Sprintf("%dms", q.wait.Milliseconds()))
	}
	if q.home != "" {
		values.Set("dc", q.home)
		values.Set("consistent", "")
	}
	if q.stale {
		values.Set("stale", "")
	}
	return (&url.URL{Path: "/v1/kv/" + q.key, RawQuery: values.Encode()}).String()
}

type withIndex struct{}

// transport refuses a new connection to a request with an index: it may lead to another server or store.
func transport(documents int, security *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if ctx.Value(withIndex{}) != nil {
				return nil, errConnectionReplaced
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:     security,
		TLSHandshakeTimeout: connectTimeout,
		MaxIdleConnsPerHost: documents + 1,
		DisableCompression:  true,
	}
}

// ask reads a key, with an index after waiting for a change.
func (r *Reader) ask(ctx context.Context, q query) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	if q.index > 0 {
		ctx = context.WithValue(ctx, withIndex{}, true)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+q.String(), nil)
	if err != nil {
		return answer{}, err
	}
	if r.options.Token != "" {
		request.Header.Set("X-Consul-Token", r.options.Token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerBytes+1))
	if err != nil {
		return answer{}, err
	}
	return conclude(response, body, q.stale)
}

func conclude(response *http.Response, body []byte, stale bool) (answer, error) {
	status := response.StatusCode
	switch {
	case len(body) > answerBytes:
		return answer{}, fmt.Errorf("more than %d bytes were answered", answerBytes)
	case status == http.StatusInternalServerError && bytes.Contains(body, []byte("No cluster leader")):
		return answer{}, errNoLeader
	case status != http.StatusOK && status != http.StatusNotFound:
		return answer{}, fmt.Errorf("HTTP %d: %.200s", status, bytes.TrimSpace(body))
	}
	index, err := strconv.ParseUint(response.Header.Get("X-Consul-Index"), 10, 64)
	if err != nil {
		return answer{}, fmt.Errorf("HTTP %d without X-Consul-Index: this is not Consul", status)
	}
	if index == 0 {
		index = 1
	}
	leader := !stale && response.Header.Get("X-Consul-KnownLeader") != "false"
	return answer{index: index, found: status == http.StatusOK, value: body, leader: leader}, nil
}

func consulURL(address string) string {
	if strings.Contains(address, "://") {
		return strings.TrimRight(address, "/")
	}
	return "http://" + address
}

// ── the last-known-good file ──

func (r *Reader) kept(s *standing) *held {
	if s.file == "" {
		return nil
	}
	raw, err := os.ReadFile(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var read *document
	if err == nil {
		read, err = s.parse(raw)
	}
	if err != nil {
		r.options.Logf("%s: the last-known-good file is of no use: %v", s.key, err)
		return nil
	}
	return &held{read, raw, "disk", nil}
}

// keep writes the file. The value is in force all the same if that fails: a full disk must not hold it up.
func (r *Reader) keep(s *standing, now *held) {
	if s.file == "" {
		return
	}
	if err := replaceFile(s.file, now.raw); err != nil {
		r.options.Logf("%s: in force, but not on disk: %v", s.key, err)
	}
}

// replaceFile writes beside the file, syncs and renames; mode 0600.
func replaceFile(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	beside, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = beside.Write(raw)
	if err == nil {
		err = beside.Sync()
	}
	if closed := beside.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		os.Remove(beside.Name())
	}
	return err
}

// ── the header ──

type applied struct {
	kind, name, sum, state, src, err string
	revision                         int64
	observed                         int64 // -1: none
}

// render writes an RFC 9651 dictionary, refusals first; what does not fit into 4 KiB is left out from the end.
func render(entries []applied) string {
	ordered := append([]applied{}, entries...)
	sort.SliceStable(ordered, func(i, j int) bool {
		return ordered[i].state == "nack" && ordered[j].state != "nack"
	})
	rendered := ""
	for _, entry := range ordered {
		longer := entry.member()
		if rendered != "" {
			longer = rendered + ", " + longer
		}
		if len(longer) > headerBytes {
			break
		}
		rendered = longer
	}
	return rendered
}

func (a applied) member() string {
	text := fmt.Sprintf("%s.%s=%d", a.kind, a.name, a.revision)
	if a.sum != "" {
		text += `;sum="` + a.sum + `"`
	}
	text += ";state=" + a.state + ";src=" + a.src
	if a.observed >= 0 {
		text += fmt.Sprintf(";observed=%d", a.observed)
	}
	if a.err != "" {
		text += `;err=%"` + escape(a.err) + `"`
	}
	return text
}

// escape writes the inside of a Display String.
func escape(text string) string {
	var escaped strings.Builder
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < ' ' || c > '~' || c == '%' || c == '"' {
			fmt.Fprintf(&escaped, "%%%02x", c)
		} else {
			escaped.WriteByte(c)
		}
	}
	return escaped.String()
}

// shorten cuts an error to 200 bytes of whole characters.
func shorten(text string) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= errBytes {
		return text
	}
	end := errBytes
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// ── documents ──

// document is what was read under a key: of a group its region, of a service its switches.
type document struct {
	revision int64

	active    string
	home      string
	exclusive bool
	lease     time.Duration

	service  string
	region   string
	entries  map[string]*entry
	expiries []*expiry
	now      func() time.Time
}

type entry struct {
	state         string
	value, normal any
	percent       int64
	override      *override // of this reader's region
	expiry        *expiry   // nil: never
	raw           []byte
}

type override struct {
	value  any
	expiry *expiry
}

// expiry is a time that passes once: it stays past if the clock steps back.
type expiry struct {
	at     time.Time
	passed atomic.Bool
	told   bool
	names  []string // of the switches that change with it
}

func (e *expiry) over(now func() time.Time) bool {
	if e == nil {
		return false
	}
	if !e.passed.Load() && !now().Before(e.at) {
		e.passed.Store(true)
	}
	return e.passed.Load()
}

// Bucket is which of the hundred shares a unit falls into: CRC-32 of service/name/unit, modulo 100.
func Bucket(service, name, unit string) uint32 {
	sum := ^uint32(0)
	for _, part := range [...]string{service, "/", name, "/", unit} {
		for i := 0; i < len(part); i++ {
			sum = crc32.IEEETable[byte(sum)^part[i]] ^ sum>>8
		}
	}
	return ^sum % 100
}

// value is what a switch is worth now: the override of the region unless it has expired, else the base entry; an
// expired entry and the units outside of a share are worth `normal`. nil: there is no such switch.
func (d *document) value(name string, unit []string) any {
	e := d.entries[name]
	switch {
	case e == nil:
		return nil
	case e.override != nil && !e.override.expiry.over(d.now):
		return e.override.value
	case e.expiry.over(d.now):
		return e.normal
	case e.state == "degraded" && e.percent < percentMax &&
		(len(unit) == 0 || int64(Bucket(d.service, name, unit[0])) >= e.percent):
		return e.normal
	}
	return e.value
}

// expire names the switches with an expiry that has passed since this was last asked, and the expiry to come next.
func (d *document) expire() (names []string, next *expiry) {
	changed := map[string]bool{}
	for _, e := range d.expiries {
		switch {
		case e.told:
		case e.over(d.now):
			e.told = true
			for _, name := range e.names {
				changed[name] = true
			}
		case next == nil || e.at.Before(next.at):
			next = e
		}
	}
	return sorted(changed), next
}

// expiryAt is the expiry at a time, if there is any, at which this switch changes; equal times pass together.
func (d *document) expiryAt(at *time.Time, name string) *expiry {
	if at == nil {
		return nil
	}
	for _, e := range d.expiries {
		if e.at.Equal(*at) {
			e.names = append(e.names, name)
			return e
		}
	}
	e := &expiry{at: *at, names: []string{name}}
	e.told = e.over(d.now)
	d.expiries = append(d.expiries, e)
	return e
}

// changesSince names the switches whose entry is another than it was, those that came and those that went.
func (d *document) changesSince(former *held) []string {
	before, changed := map[string]*entry{}, map[string]bool{}
	if former != nil {
		before = former.document.entries
	}
	for name, e := range d.entries {
		changed[name] = before[name] == nil || !bytes.Equal(before[name].raw, e.raw)
	}
	for name := range before {
		changed[name] = changed[name] || d.entries[name] == nil
	}
	return sorted(changed)
}

// sorted are the names that are true.
func sorted(names map[string]bool) (list []string) {
	for name, wanted := range names {
		if wanted {
			list = append(list, name)
		}
	}
	sort.Strings(list)
	return list
}

// ── reading documents ──

var (
	nameRule = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	timeRule = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
)

var (
	failoverStates = words("active fenced retired")
	failoverKinds  = words("automatic manual drill failback repair apply")
	handovers      = words("overlap exclusive")
	switchStates   = words("normal degraded forced_normal retired")
	switchKinds    = words("flip expiry apply playbook trigger ramp rollback repair")
	switchTypes    = words("bool int float string json")
)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(text) {
		set[word] = true
	}
	return set
}

func parseFailover(raw []byte, group string) (*document, error) {
	f, err := documentFields(raw, failoverSchema)
	if err != nil {
		return nil, err
	}
	d := &document{revision: f.revision()}
	state := f.oneOf("state", failoverStates)
	f.nameEqual("group", group)
	f.integer("term")
	d.home = f.text("home")
	f.optionalName("previous")
	d.active = f.optionalName("active")
	d.exclusive = f.oneOf("handover", handovers) == "exclusive"
	d.lease = leaseMax
	if seconds := f.integer("lease_seconds"); seconds < int64(leaseMax/time.Second) {
		d.lease = time.Duration(seconds) * time.Second
	}
	weights := f.object("weights")
	for region := range weights.members {
		weights.checkName(region)
		weights.integer(region)
	}
	f.change(failoverKinds)
	if (state == "active") != (d.active != "") {
		f.fail("state %s does not go with active region %q", state, d.active)
	}
	return d, f.err()
}

func parseSwitches(raw []byte, service, region string, now func() time.Time) (*document, error) {
	f, err := documentFields(raw, switchesSchema)
	if err != nil {
		return nil, err
	}
	d := &document{
		revision: f.revision(), service: service, region: region, now: now,
		entries: map[string]*entry{},
	}
	f.nameEqual("service", service)
	if change := f.change(switchKinds); !change.absent("playbook") {
		change.text("playbook")
	}
	switches := f.object("switches")
	switches.where = "" // a switch is named without more
	for name, raw := range switches.members {
		switches.checkName(name)
		d.entries[name] = d.entry(name, switches.object(name), raw)
	}
	return d, f.err()
}

func (d *document) entry(name string, f fields, raw []byte) *entry {
	kind := f.oneOf("type", switchTypes)
	e := &entry{
		state: f.oneOf("state", switchStates), value: f.value("value", kind), normal: f.value("normal", kind),
		percent: percentMax, expiry: d.expiryAt(f.time("expires_at"), name), raw: raw,
	}
	if !f.missing("percent") {
		e.percent = f.integer("percent")
	}
	if e.percent < 0 || e.percent > percentMax {
		f.fail("percent is %d, allowed is 0 to %d", e.percent, percentMax)
	}
	if f.missing("regions") {
		return e
	}
	regions := f.object("regions")
	for region := range regions.members {
		regions.checkName(region)
		o := regions.object(region)
		o.oneOf("state", switchStates)
		value, at := o.value("value", kind), o.time("expires_at")
		if region == d.region {
			e.override = &override{value, d.expiryAt(at, name)}
		}
	}
	return e
}

// fields are the members of a JSON object; the first mistake of the whole document is kept.
type fields struct {
	where   string
	members map[string]json.RawMessage
	mistake *error
}

func documentFields(raw []byte, schema string) (fields, error) {
	f := fields{mistake: new(error)}
	if len(raw) > documentBytes {
		return f, fmt.Errorf("%d bytes, at most %d are allowed", len(raw), documentBytes)
	}
	members, err := objectOf(raw)
	if err != nil {
		return f, err
	}
	f.members = members
	if found := f.text("schema"); found != schema {
		return f, fmt.Errorf("schema is %q, this program reads %q", found, schema)
	}
	return f, nil
}

// objectOf reads a JSON object. Go's own reading into structs would take `Revision` for `revision`.
func objectOf(raw []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("not JSON: not UTF-8")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if members == nil {
		return nil, errors.New("a JSON object is wanted, this is null")
	}
	return members, nil
}

// revisionOf is the revision that bytes claim which are otherwise no document; -1 where they claim none.
func revisionOf(raw []byte) int64 {
	members, err := objectOf(raw)
	if err != nil {
		return -1
	}
	f := fields{members: members, mistake: new(error)}
	revision := f.integer("revision")
	if f.err() != nil || revision < 0 || revision >= revisionLimit {
		return -1
	}
	return revision
}

func (f fields) err() error { return *f.mistake }

func (f fields) fail(format string, args ...any) {
	if *f.mistake == nil {
		*f.mistake = fmt.Errorf("%s%w", f.where, fmt.Errorf(format, args...))
	}
}

func (f fields) text(name string) (value string) {
	if raw := f.members[name]; len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		f.fail("%s: a text is wanted, not %.40s", name, raw)
	}
	return value
}

func (f fields) integer(name string) int64 {
	value, err := strconv.ParseInt(string(f.members[name]), 10, 64)
	if err != nil {
		f.fail("%s: an integer is wanted, not %.40s", name, f.members[name])
	}
	return value
}

func (f fields) object(name string) fields {
	members, err := objectOf(f.members[name])
	if err != nil {
		f.fail("%s: %v", name, err)
	}
	return fields{where: f.where + name + ": ", members: members, mistake: f.mistake}
}

func (f fields) oneOf(name string, allowed map[string]bool) string {
	value := f.text(name)
	if !allowed[value] {
		f.fail("%s: %q is not known", name, value)
	}
	return value
}

func (f fields) checkName(value string) {
	if !nameRule.MatchString(value) {
		f.fail("%q is not a name", value)
	}
}

func (f fields) optionalName(name string) string {
	if !f.missing(name) && f.absent(name) {
		return ""
	}
	value := f.text(name)
	f.checkName(value)
	return value
}

// nameEqual refuses a document that was copied to another's key.
func (f fields) nameEqual(name, wanted string) {
	if found := f.text(name); found != wanted {
		f.fail("this is the document of %q, not of %q", found, wanted)
	}
}

func (f fields) revision() int64 {
	revision := f.integer("revision")
	if revision < 1 || revision >= revisionLimit {
		f.fail("revision %d is not between 1 and %d", revision, int64(revisionLimit-1))
	}
	return revision
}

func (f fields) change(kinds map[string]bool) fields {
	change := f.object("change")
	for _, name := range []string{"id", "by", "reason", "at"} {
		change.text(name)
	}
	change.oneOf("kind", kinds)
	return change
}

// missing says whether a member that may be left out is.
func (f fields) missing(name string) bool {
	_, there := f.members[name]
	return !there
}

// absent says whether a member that may be null, too, says nothing.
func (f fields) absent(name string) bool {
	return f.missing(name) || string(f.members[name]) == "null"
}

func (f fields) time(name string) *time.Time {
	if f.absent(name) {
		return nil
	}
	text := f.text(name)
	value, err := time.Parse(time.RFC3339Nano, text)
	value = value.UTC()
	if err != nil || !timeRule.MatchString(text) || value.Year() < 1 || value.Year() > yearMax {
		f.fail("%s: an RFC 3339 time is wanted, not %.40q", name, text)
	}
	return &value
}

// value reads a value of a switch's type as bool, int64, float64, string or json.RawMessage.
func (f fields) value(name, kind string) any {
	raw := f.members[name]
	if len(raw) == 0 {
		f.fail("%s is missing", name)
		return nil
	}
	value, ok := any(nil), false
	switch kind {
	case "bool":
		value, ok = string(raw) == "true", string(raw) == "true" || string(raw) == "false"
	case "int":
		number, err := strconv.ParseInt(string(raw), 10, 64)
		value, ok = number, err == nil
	case "float":
		number, err := strconv.ParseFloat(string(raw), 64)
		value, ok = number, err == nil && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') && !math.IsInf(number, 0)
	case "string":
		value, ok = f.text(name), fits(raw)
	case "json":
		value, ok = raw, fits(raw)
	}
	if !ok {
		f.fail("%s: a value of type %s is wanted, not %.100s", name, kind, raw)
	}
	return value
}

// fits says whether a value of type string or json is small, flat, finite and Unicode enough. Needless escapes do not count
// for its size; half a character becomes a replacement character, which stands in no source that is well.
func fits(raw []byte) bool {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil || depth(value) > valueDepth || json.Unmarshal(raw, new(any)) != nil {
		return false // without UseNumber, a number beyond a float is an error
	}
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil || plain.Len()-len("\n") > textValueBytes {
		return false
	}
	replaced := bytes.ContainsRune(plain.Bytes(), utf8.RuneError)
	return !replaced || bytes.ContainsRune(raw, utf8.RuneError) || bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`))
}

// depth is how many levels of nesting a JSON value has.
func depth(value any) (deepest int) {
	var inner []any
	switch value := value.(type) {
	case []any:
		inner = value
	case map[string]any:
		for _, item := range value {
			inner = append(inner, item)
		}
	default:
		return 0
	}
	for _, item := range inner {
		if below := depth(item); below > deepest {
			deepest = below
		}
	}
	return deepest + 1
}
