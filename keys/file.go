package keys

import (
	"crypto"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// ErrPassphrase is wrapped when a key file needs a passphrase that was not
// given, or another one than was given.
var ErrPassphrase = errors.New("passphrase")

// ReadFile reads an Ed25519 key from an OpenSSH private key file, as
// `ssh-keygen -t ed25519` makes them. If the file is encrypted, passphrase is
// asked for it; it may be nil. A file that others can read is refused, as ssh
// does.
func ReadFile(path string, passphrase func(path string) ([]byte, error)) (*Private, error) {
	if err := checkMode(path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	raw, err := parseFile(path, b, passphrase)
	if err != nil {
		return nil, err
	}
	switch secret := raw.(type) {
	case *ed25519.PrivateKey: // OpenSSH's own format
		return FromSeed(secret.Seed()), nil
	case ed25519.PrivateKey: // PKCS #8, as OpenSSL writes it
		return FromSeed(secret.Seed()), nil
	}
	return nil, fmt.Errorf("%s: %w: the ledger takes Ed25519 keys; make one with `spredning key new` or `ssh-keygen -t ed25519`", path, ErrInvalidKey)
}

// ReadPublic reads the public key of an OpenSSH private key file, which stands
// there in the clear also when the file has a passphrase, or of an OpenSSH public
// key file (.pub).
func ReadPublic(path string) (Public, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Public{}, fmt.Errorf("reading the key: %w", err)
	}
	public, err := publicOf(b)
	if err != nil {
		return Public{}, fmt.Errorf("%s: %w: not an OpenSSH key file", path, ErrInvalidKey)
	}
	if public.Type() != ssh.KeyAlgoED25519 {
		return Public{}, fmt.Errorf("%s: %w: the ledger takes Ed25519 keys, this is %s", path, ErrInvalidKey, public.Type())
	}
	wire := public.Marshal() // ends with the 32 bytes (RFC 8709 4)
	return Public{Ed25519, wire[len(wire)-ed25519.PublicKeySize:]}, nil
}

func publicOf(b []byte) (ssh.PublicKey, error) {
	if public, _, _, _, err := ssh.ParseAuthorizedKey(b); err == nil {
		return public, nil
	}
	signer, err := ssh.ParsePrivateKey(b)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer.PublicKey(), nil
	case errors.As(err, &locked) && locked.PublicKey != nil:
		return locked.PublicKey, nil
	}
	return nil, err
}

func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading the key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s: mode %04o lets others read the key; run: chmod 600 %s", path, mode, path)
	}
	return nil
}

func parseFile(path string, b []byte, passphrase func(string) ([]byte, error)) (crypto.PrivateKey, error) {
	raw, err := ssh.ParseRawPrivateKey(b)
	var missing *ssh.PassphraseMissingError
	if !errors.As(err, &missing) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w: not an OpenSSH private key", path, ErrInvalidKey)
		}
		return raw, nil
	}
	if passphrase == nil {
		return nil, fmt.Errorf("%s: a %w is needed", path, ErrPassphrase)
	}
	words, err := passphrase(path)
	if err != nil {
		return nil, err
	}
	raw, err = ssh.ParseRawPrivateKeyWithPassphrase(b, words)
	if err != nil {
		return nil, fmt.Errorf("%s: the %w does not open it", path, ErrPassphrase)
	}
	return raw, nil
}

// WriteFile writes the key as an OpenSSH private key file with mode 0600,
// encrypted if a passphrase is given, and makes the folders on the way. It
// never overwrites: an existing file is fs.ErrExist.
func (p *Private) WriteFile(path, comment string, passphrase []byte) error {
	block, err := p.marshal(comment, passphrase)
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already and is never overwritten: %w", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(pem.EncodeToMemory(block))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	return nil
}

func (p *Private) marshal(comment string, passphrase []byte) (*pem.Block, error) {
	if len(passphrase) > 0 {
		return ssh.MarshalPrivateKeyWithPassphrase(p.secret, comment, passphrase)
	}
	return ssh.MarshalPrivateKey(p.secret, comment)
}
