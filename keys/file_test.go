package keys_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"spredning/keys"
)

// words answers as a user who knows the passphrase s.
func words(s string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return []byte(s), nil }
}

// neverAsk is the passphrase of a file that has none.
func neverAsk(t *testing.T) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		t.Errorf("asked for a passphrase of %s", path)
		return nil, nil
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folders", "log")
	k := testKey(7)
	if err := k.WriteFile(path, "the log", nil); err != nil {
		t.Fatal(err)
	}
	assertMode(t, path, 0o600)
	got, err := keys.ReadFile(path, neverAsk(t))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID() != k.ID() || !k.Verify([]byte("m"), got.Sign([]byte("m"))) {
		t.Error("another key was read than was written")
	}
}

func TestKeyFileWithPassphrase(t *testing.T) {
	t.Parallel() // deriving keys from passphrases is slow
	path := filepath.Join(t.TempDir(), "key")
	k := testKey(7)
	if err := k.WriteFile(path, "", []byte("riktig hest")); err != nil {
		t.Fatal(err)
	}
	assertMode(t, path, 0o600)
	asked := ""
	got, err := keys.ReadFile(path, func(path string) ([]byte, error) {
		asked = path
		return []byte("riktig hest"), nil
	})
	if err != nil || got.ID() != k.ID() {
		t.Fatalf("the right passphrase: %v", err)
	}
	if asked != path {
		t.Errorf("the passphrase was asked for %q", asked)
	}
	if _, err := keys.ReadFile(path, words("gal hest")); !errors.Is(err, keys.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v, want ErrPassphrase", err)
	}
	if _, err := keys.ReadFile(path, words("")); !errors.Is(err, keys.ErrPassphrase) {
		t.Errorf("an empty passphrase: %v, want ErrPassphrase", err)
	}
	if _, err := keys.ReadFile(path, nil); !errors.Is(err, keys.ErrPassphrase) {
		t.Errorf("nobody to ask: %v, want ErrPassphrase", err)
	}
	gone := errors.New("nobody there")
	if _, err := keys.ReadFile(path, func(string) ([]byte, error) { return nil, gone }); !errors.Is(err, gone) {
		t.Errorf("an error when asking: %v, want that error", err)
	}
}

func TestKeyFileIsNeverOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := testKey(1).WriteFile(path, "", nil); err != nil {
		t.Fatal(err)
	}
	before := readFile(t, path)
	if err := testKey(2).WriteFile(path, "", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing again: %v, want fs.ErrExist", err)
	}
	if !bytes.Equal(readFile(t, path), before) {
		t.Error("the key file was changed")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(t.TempDir(), "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	if err := testKey(2).WriteFile(link, "", nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("writing through a dangling link: %v, want fs.ErrExist", err)
	}
}

func TestKeyFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := testKey(1).WriteFile(path, "", nil); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o660, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := keys.ReadFile(path, nil)
		if err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v, want an error that says how to mend it", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.ReadFile(path, nil); err != nil {
		t.Errorf("mode 400: %v", err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if err := testKey(1).WriteFile(whole, "", nil); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"an RSA key":      openSSH(t, rsaKey),
		"an ECDSA key":    openSSH(t, ecKey),
		"a PKCS#8 RSA":    pkcs8(t, rsaKey),
		"a public key":    ssh.MarshalAuthorizedKey(public),
		"nothing":         nil,
		"no key":          []byte("hello\n"),
		"half a key file": readFile(t, whole)[:150],
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ReadFile(path, nil); !errors.Is(err, keys.ErrInvalidKey) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrInvalidKey and the path", name, err)
		}
	}
	if _, err := keys.ReadFile(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v, want fs.ErrNotExist", err)
	}
}

// The keys that hospitals have are made by OpenSSH.
func TestSSHKeygen(t *testing.T) {
	t.Parallel()
	for _, passphrase := range []string{"", "riktig hest"} {
		path := filepath.Join(t.TempDir(), "id_ed25519")
		run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", path)
		k, err := keys.ReadFile(path, words(passphrase))
		if err != nil {
			t.Fatalf("passphrase %q: %v", passphrase, err)
		}
		if want := authorized(t, readFile(t, path+".pub")); !bytes.Equal(k.Bytes, want) {
			t.Errorf("passphrase %q: public key %x, ssh-keygen says %x", passphrase, k.Bytes, want)
		}
	}
}

// And the other way round: OpenSSH reads what WriteFile writes.
func TestSSHKeygenReadsOurs(t *testing.T) {
	t.Parallel()
	for _, passphrase := range []string{"", "riktig hest"} {
		path := filepath.Join(t.TempDir(), "key")
		if err := testKey(3).WriteFile(path, "c", []byte(passphrase)); err != nil {
			t.Fatal(err)
		}
		public := run(t, "ssh-keygen", "-y", "-P", passphrase, "-f", path)
		if got := authorized(t, public); !bytes.Equal(got, testKey(3).Bytes) {
			t.Errorf("passphrase %q: ssh-keygen reads %x, want %x", passphrase, got, testKey(3).Bytes)
		}
	}
}

func TestOpenSSLKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	run(t, "openssl", "genpkey", "-algorithm", "ed25519", "-out", path)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := keys.ReadFile(path, neverAsk(t))
	if err != nil {
		t.Fatal(err)
	}
	der := run(t, "openssl", "pkey", "-in", path, "-pubout", "-outform", "DER")
	if want := der[len(der)-32:]; !bytes.Equal(k.Bytes, want) {
		t.Errorf("public key %x, openssl says %x", k.Bytes, want)
	}
}

// Anyone with OpenSSL can check a signature by hand.
func TestOpenSSLVerifies(t *testing.T) {
	k := testKey(5)
	e := seal(t, `{"ledger":"spredning.example/test"}`, k)
	dir := t.TempDir()
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(k.Bytes))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"key":   pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"sig":   e.Signatures[0].Sig,
		"pae":   keys.PAE(e.Payload),
		"other": e.Payload,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(message string) error {
		c := command(t, "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", message, "-sigfile", "sig")
		c.Dir = dir
		return c.Run()
	}
	if err := verify("pae"); err != nil {
		t.Errorf("over the PAE: %v", err)
	}
	if err := verify("other"); err == nil {
		t.Error("openssl takes the signature over the payload alone")
	}
}

// command is a program that CI has; where it is missing the test is skipped.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
	return exec.Command(name, args...)
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := command(t, name, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v: %s", name, err, exit.Stderr)
		}
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// authorized reads the 32 public bytes from a line of authorized_keys.
func authorized(t *testing.T, line []byte) []byte {
	t.Helper()
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		t.Fatal(err)
	}
	wire := public.Marshal()
	return wire[len(wire)-32:]
}

func openSSH(t *testing.T, key any) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func assertMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

// The public part is read without the passphrase, from either file of a pair.
func TestReadPublic(t *testing.T) {
	k, err := keys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, passphrase := range map[string]string{"plain": "", "locked": "hemmelig"} {
		path := filepath.Join(dir, name)
		if err := k.WriteFile(path, "innovasjon", []byte(passphrase)); err != nil {
			t.Fatal(err)
		}
		public, err := keys.ReadPublic(path)
		if err != nil || public.ID() != k.ID() {
			t.Errorf("%s: %v, %v", name, public, err)
		}
	}
	for name, content := range map[string]string{"nothing": "", "no key": "ssh-ed25519 AAAA"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ReadPublic(path); !errors.Is(err, keys.ErrInvalidKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
