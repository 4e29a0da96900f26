package jetstream

import (
	"errors"
	"testing"

	"spredning/ledger"
)

// What lies beside one stream is copied beside another, but what that has already,
// and what was erased here or there.
func TestCopyBeside(t *testing.T) {
	t.Parallel()
	ctx, from, to := patient(t), embedIn(t, t.TempDir()), connectTo(t, natsServer(t, t.TempDir(), -1))
	copies := func(want Beside) {
		t.Helper()
		if got, err := from.CopyBeside(ctx, to); err != nil || got != want {
			t.Errorf("%+v were copied, %v; want %+v", got, err, want)
		}
	}
	copies(Beside{})
	kept, b := file("kept", 300_000)
	there, c := file("there", 1000)
	erased, d := file("erased", 1000)
	gone, e := file("gone", 1000)
	for name, b := range map[string][]byte{kept: b, there: c, erased: d, gone: e} {
		put(t, from.Objects(), name, b, false)
	}
	noError(t, from.Objects().Erase(ctx, erased))
	noError(t, to.Objects().Erase(ctx, gone))
	put(t, to.Objects(), there, c, false)
	noError(t, from.Drafts().Save(ctx, sum(1), bergen, []byte("one"), 0))
	noError(t, from.Drafts().Save(ctx, sum(2), ahus, []byte("two"), 0))
	noError(t, to.Drafts().Save(ctx, sum(2), ahus, []byte("newer"), 0))
	noError(t, from.Invitations().Save(ctx, sum(3), bergen, []byte("three"), 0))
	for _, want := range []Beside{{Attachments: 1, Drafts: 1, Invitations: 1}, {}} {
		copies(want)
		gives(t, to.Objects(), kept, b)
		gives(t, to.Objects(), there, c)
		refuses(t, to.Objects(), erased, ledger.ErrNotStored)
		refuses(t, to.Objects(), gone, ledger.ErrErased)
		loads(t, to.Drafts(), sum(1), "one")
		loads(t, to.Drafts(), sum(2), "newer")
		loads(t, to.Invitations(), sum(3), "three")
		counts(t, to.Drafts(), bergen, 1)
	}
	from.Close()
	if _, err := from.CopyBeside(ctx, to); err == nil || errors.Is(err, ledger.ErrErased) {
		t.Errorf("copying from a closed stream gives %v", err)
	}
}
