package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Handler serves a witness:
//
//	POST /add-checkpoint       c2sp.org/tlog-witness
//	GET  /<origin>/checkpoint  the newest checkpoint of a log, cosigned
//	GET  /<origin>/evidence    checkpoints that contradict each other, as JSON: [] if there are none
//	GET  /                     for people: who this is and what it has seen
//	GET  /healthz              200
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") })
	mux.HandleFunc("GET /{$}", w.serveFront)
	mux.HandleFunc("GET /", w.serveLog)
	return mux
}

// How long a client may take.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 5 * time.Minute // a log comes back for the next checkpoint
)

// HTTP gives a server with time limits, for the caller to run and shut down.
func (w *Witness) HTTP() *http.Server {
	return &http.Server{
		Handler: w.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: 16 << 10,
	}
}

func (w *Witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest+1))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		answer(rw, http.StatusBadRequest, "the request's body ended early")
		return
	}
	request, err := ParseRequest(body)
	var cosignature []byte
	if err == nil {
		cosignature, err = w.AddCheckpoint(request)
	}
	if err != nil {
		w.refuse(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write(cosignature)
}

// refuse answers with the status that c2sp.org/tlog-witness has for an error.
func (w *Witness) refuse(rw http.ResponseWriter, err error) {
	var conflict *ConflictError
	switch {
	case errors.As(err, &conflict):
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", conflict.Size)
	case errors.Is(err, ErrRequest):
		answer(rw, http.StatusBadRequest, err.Error())
	case errors.Is(err, ErrUnknownLog):
		answer(rw, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrUnsigned):
		answer(rw, http.StatusForbidden, err.Error())
	case errors.Is(err, ErrProof):
		answer(rw, http.StatusUnprocessableEntity, err.Error())
	default:
		w.cfg.Logger.Error("a checkpoint cannot be cosigned", "error", err)
		answer(rw, http.StatusInternalServerError, "this witness cannot cosign now; the failure has been logged")
	}
}

func answer(rw http.ResponseWriter, status int, text string) {
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	http.Error(rw, text, status)
}

func (w *Witness) serveLog(rw http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	rw.Header().Set("Access-Control-Allow-Origin", "*")
	rw.Header().Set("Cache-Control", "no-cache")
	if origin, ok := strings.CutSuffix(path, "/checkpoint"); ok {
		if l, ok := w.Log(origin); ok && l.Checkpoint != nil {
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = rw.Write(l.Checkpoint)
			return
		}
	}
	if origin, ok := strings.CutSuffix(path, "/evidence"); ok {
		if l, ok := w.Log(origin); ok {
			serveEvidence(rw, l)
			return
		}
	}
	answer(rw, http.StatusNotFound, "there is nothing at this address; / tells what there is")
}

func serveEvidence(rw http.ResponseWriter, l Log) {
	if l.Splits == nil {
		l.Splits = []Split{}
	}
	b, err := json.Marshal(l.Splits)
	if err != nil {
		answer(rw, http.StatusInternalServerError, "the evidence cannot be shown")
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write(b)
}

func (w *Witness) serveFront(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.Header().Set("Cache-Control", "no-cache")
	fmt.Fprintf(rw, "%s\nA witness of transparency logs (c2sp.org/tlog-witness).\n\nVerifier key: %s\n", w.cfg.Key.Name(), w.cfg.Key)
	for _, l := range w.Logs() {
		fmt.Fprintf(rw, "\n%s\n  %s\n", l.Origin, l.words())
		if len(l.Splits) > 0 {
			fmt.Fprintf(rw, "  SPLIT VIEW: its key has signed checkpoints that contradict each other, see /%s/evidence\n", l.Origin)
		}
	}
}

func (l Log) words() string {
	switch {
	case l.Checkpoint == nil:
		return "nothing has been cosigned yet"
	case !l.Watched:
		return fmt.Sprintf("%d entries when it was watched, see /%s/checkpoint", l.Size, l.Origin)
	}
	return fmt.Sprintf("%d entries, see /%s/checkpoint", l.Size, l.Origin)
}
