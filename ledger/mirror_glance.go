package ledger

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"spredning/keys"
)

// glance is what a mirror looks for in entries. It reads no more of them than it
// must: what a later version may write is copied all the same.
type glance struct {
	position int64
	logKey   string          // that the newest entry about it names
	named    map[string]bool // attachments, by SHA-256 in hexadecimal
	erased   map[string]bool
}

func newGlance() glance {
	return glance{named: map[string]bool{}, erased: map[string]bool{}}
}

// at looks at the entry of an index, which may have been looked at before.
func (g *glance) at(index int64, entry []byte) {
	if index != g.position {
		return
	}
	g.position++
	envelope, err := keys.Parse(entry)
	if err != nil {
		return
	}
	var event struct {
		Type Type           `json:"type"`
		Data jsontext.Value `json:"data"`
	}
	if json.Unmarshal(envelope.Payload, &event) != nil {
		return
	}
	switch event.Type {
	case LedgerFounded, LedgerAmended:
		g.key(event.Data)
	case AttachmentErased:
		g.erase(event.Data)
	default:
		g.name(event.Data)
	}
}

func (g *glance) key(data []byte) {
	var d struct {
		LogKey string `json:"log_key"`
	}
	if json.Unmarshal(data, &d) == nil {
		g.logKey = d.LogKey
	}
}

func (g *glance) erase(data []byte) {
	var d struct {
		SHA256 string `json:"sha256"`
	}
	if json.Unmarshal(data, &d) == nil {
		g.erased[d.SHA256] = true
	}
}

func (g *glance) name(data []byte) {
	var d struct {
		Attachments []struct {
			SHA256 string `json:"sha256"`
		} `json:"attachments"`
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	for _, a := range d.Attachments {
		if hexHash(a.SHA256) {
			g.named[a.SHA256] = true
		}
	}
}
