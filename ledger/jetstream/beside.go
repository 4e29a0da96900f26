package jetstream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"spredning/ledger"
)

// Beside counts what lies beside a stream.
type Beside struct{ Attachments, Drafts, Invitations int }

// CopyBeside copies attachments, drafts and invitations to the servers of another
// stream, and counts those that were not there. It overwrites nothing, stores
// nothing that was erased, and may be called again.
func (s *Stream) CopyBeside(ctx context.Context, to *Stream) (copied Beside, err error) {
	if copied.Attachments, err = s.Objects().copyTo(ctx, to.Objects()); err != nil {
		return copied, err
	}
	if copied.Drafts, err = s.Drafts().copyTo(ctx, to.Drafts()); err != nil {
		return copied, err
	}
	copied.Invitations, err = s.Invitations().copyTo(ctx, to.Invitations())
	return copied, err
}

func (o *Objects) copyTo(ctx context.Context, to *Objects) (copied int, err error) {
	names, err := o.names(ctx)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		b, err := o.Read(ctx, name)
		if errors.Is(err, ledger.ErrErased) {
			continue
		}
		if err != nil {
			return copied, fmt.Errorf("copying attachment %s: %w", name, err)
		}
		again, err := to.Put(ctx, name, b)
		if err != nil && !errors.Is(err, ledger.ErrErased) {
			return copied, fmt.Errorf("copying attachment %s: %w", name, err)
		}
		if err == nil && !again {
			copied++
		}
	}
	return copied, nil
}

// names are those of all attachments, erased ones too, in order.
func (o *Objects) names(ctx context.Context) ([]string, error) {
	live, err := o.stream.session()
	if err != nil {
		return nil, err
	}
	const prefix = "$O." + Bucket + ".M."
	subjects, err := subjectsOf(ctx, live.js, objectStream, prefix+"*")
	if err != nil {
		return nil, err
	}
	for i, subject := range subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, prefix))
		if err != nil {
			return nil, fmt.Errorf("the attachments have one with an unreadable name, %s", subject)
		}
		subjects[i] = string(name)
	}
	return subjects, nil
}

func (b *Values) copyTo(ctx context.Context, to *Values) (copied int, err error) {
	live, err := b.stream.session()
	if err != nil {
		return 0, err
	}
	subjects, err := subjectsOf(ctx, live.js, b.streamName(), b.subject("*", "*"))
	if err != nil || len(subjects) == 0 {
		return 0, err
	}
	_, stream, err := b.open(ctx)
	if err != nil {
		return 0, err
	}
	for _, subject := range subjects {
		value, revision, err := b.last(ctx, stream, subject)
		if err != nil {
			return copied, err
		}
		if revision == 0 {
			continue // it has expired meanwhile
		}
		sum, by, _ := strings.Cut(strings.TrimPrefix(subject, "$KV."+b.name+"."), ".")
		switch err := to.Save(ctx, sum, ledger.Orgnr(by), value, 0); {
		case err == nil:
			copied++
		case !errors.Is(err, ledger.ErrConflict): // else there is a newer one
			return copied, fmt.Errorf("copying to the bucket %s: %w", b.name, err)
		}
	}
	return copied, nil
}

// subjectsOf are those of a bucket that match, in order; none if there is no bucket.
func subjectsOf(ctx context.Context, js jetstream.JetStream, bucket, filter string) (all []string, err error) {
	stream, err := js.Stream(ctx, bucket)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	var info *jetstream.StreamInfo
	if err == nil {
		info, err = stream.Info(ctx, jetstream.WithSubjectFilter(filter))
	}
	if err != nil {
		return nil, fmt.Errorf("asking %s what it has: %w", bucket, err)
	}
	for subject := range info.State.Subjects {
		all = append(all, subject)
	}
	slices.Sort(all)
	return all, nil
}
