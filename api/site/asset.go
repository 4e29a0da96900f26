package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// StaticPath is where the files of pages are served, under names that change with
// what is in them.
const StaticPath = "/static/"

// Asset is a file that pages load. It never changes under its name.
type Asset struct {
	Body, Gzipped []byte
	ContentType   string
	Name          string // with its hash
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// assets are the files by their names without a hash.
var assets = sync.OnceValue(readAssets)

func readAssets() map[string]Asset {
	all := map[string]Asset{}
	files, err := staticFiles.ReadDir("static")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		body, err := staticFiles.ReadFile("static/" + f.Name())
		if err != nil {
			panic(err)
		}
		extension := path.Ext(f.Name())
		sum := sha256.Sum256(body)
		a := Asset{
			Body: body, Gzipped: gzipped(body), ContentType: contentTypes[extension],
			Name: strings.TrimSuffix(f.Name(), extension) + "." + hex.EncodeToString(sum[:8]) + extension,
		}
		all[f.Name()] = a
	}
	return all
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is one
	_, _ = w.Write(b)                                       // memory takes all
	_ = w.Close()
	return out.Bytes()
}

// File gives a file by the name that pages load it under.
func File(name string) (Asset, bool) {
	extension := path.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	a, ok := assets()[strings.TrimSuffix(stem, path.Ext(stem))+extension]
	return a, ok && a.Name == name
}

// assetURL is the address of a file.
func assetURL(name string) string {
	a, ok := assets()[name]
	if !ok {
		panic("there is no file static/" + name)
	}
	return StaticPath + a.Name
}
