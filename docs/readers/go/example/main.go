// A service that reads its switches and its active region:
//
//	go run ./example -consul 127.0.0.1:8500 -service checkout -region us-east -listen 127.0.0.1:8080
//
// It serves /health with the acknowledgement, /value?switch=search-depth&default=3&unit=user-1 and /changes. It
// prints the address that it listens on, so that -listen may name port 0. Each flag is also a variable:
// READER_SERVICE is -service.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	controlplane "controlplane/reader"
)

const (
	changesMax     = 100 // the newest that are told
	requestTimeout = 5 * time.Second
)

func main() {
	var options controlplane.Options
	flag.StringVar(&options.Address, "consul", "", "Consul, host:port or URL")
	flag.StringVar(&options.Service, "service", "", "whose switches to follow")
	flag.StringVar(&options.Region, "region", "", "where this process runs")
	flag.StringVar(&options.Directory, "directory", "", "of the last-known-good files, this process's own")
	flag.StringVar(&options.Prefix, "prefix", "", "where the control plane writes")
	groups := flag.String("groups", "", "failover groups to follow, separated by commas")
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	instance := flag.String("instance", "", "what this process is called")
	flag.VisitAll(func(f *flag.Flag) {
		if text := os.Getenv("READER_" + strings.ToUpper(f.Name)); text != "" {
			f.Value.Set(text)
		}
	})
	flag.Parse()
	if *groups != "" {
		options.Groups = strings.Split(*groups, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, options, *listen, *instance); err != nil {
		log.Fatal(err)
	}
}

// serve answers until the context ends, and returns when nothing runs any more.
func serve(ctx context.Context, options controlplane.Options, listen, instance string) error {
	s := &service{reader: controlplane.New(options), options: options, instance: instance, changes: []change{}}
	s.reader.OnChange(s.changed)
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())

	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: requestTimeout, WriteTimeout: requestTimeout}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	var following sync.WaitGroup
	following.Add(1)
	go func() {
		defer following.Done()
		s.reader.Run(ctx)
	}()
	defer following.Wait()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type change struct {
	Document string    `json:"document"`
	Revision int64     `json:"revision"`
	Switches []string  `json:"switches"`
	At       time.Time `json:"at"` // when it was in force
}

type service struct {
	reader   *controlplane.Reader
	options  controlplane.Options
	instance string
	mutex    sync.Mutex
	changes  []change
}

func (s *service) changed(c controlplane.Change) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.changes = append(s.changes, change{c.Document, c.Revision, c.Switches, time.Now()})
	if len(s.changes) > changesMax {
		s.changes = s.changes[1:]
	}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/health", s.reader.Middleware(http.HandlerFunc(s.health)))
	mux.HandleFunc("/value", s.value)
	mux.HandleFunc("/changes", s.told)
	return mux
}

func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]string{
		"status": "ok", "instance": s.instance, "service": s.options.Service, "region": s.options.Region,
	})
}

func (s *service) value(w http.ResponseWriter, request *http.Request) {
	query := request.URL.Query()
	active := map[string]string{}
	for _, group := range s.options.Groups {
		active[group] = s.reader.ActiveRegion(group)
	}
	answer(w, map[string]any{
		"value":    valueOf(s.reader, query.Get("switch"), query.Get("default"), query["unit"]),
		"revision": s.reader.Revision("switches." + s.options.Service),
		"active":   active,
	})
}

func (s *service) told(w http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	answer(w, s.changes)
}

func answer(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(content)
}

// valueOf asks for a switch of the type of its default, which is written as JSON: true, 3, 0.5, "text", {…}.
func valueOf(reader *controlplane.Reader, name, fallback string, unit []string) any {
	var parsed any
	if err := json.Unmarshal([]byte(fallback), &parsed); err != nil {
		return nil
	}
	switch parsed := parsed.(type) {
	case bool:
		return reader.Bool(name, parsed, unit...)
	case float64:
		if strings.ContainsAny(fallback, ".eE") {
			return reader.Float(name, parsed, unit...)
		}
		return reader.Int(name, int64(parsed), unit...)
	case string:
		return reader.String(name, parsed, unit...)
	}
	return reader.JSON(name, json.RawMessage(fallback), unit...)
}
