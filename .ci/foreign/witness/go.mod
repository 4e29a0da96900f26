// Programs of others that cosign and verify; a module of its own, so that torchwood
// is exactly this version.
module spredning/foreign/witness

go 1.26

tool filippo.io/torchwood/cmd/litewitness

require (
	filippo.io/torchwood v0.9.0
	github.com/transparency-dev/formats v0.1.1
	golang.org/x/mod v0.42.0
	zombiezen.com/go/sqlite v1.4.2
)
