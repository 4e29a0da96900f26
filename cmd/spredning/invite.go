package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"spredning/keys"
	"spredning/ledger"
)

// inviting is what spredning key invite was called with.
type inviting struct {
	org, key, roles, label string
	yes                    bool
}

func keyInviteCommand(e *env) *cobra.Command {
	var i inviting
	cmd := &cobra.Command{
		Use:   "invite --role ROLE --label LABEL --key FILE",
		Short: "Invite somebody to make a passkey, with a link that is used once",
		Long: `Make a link with which somebody makes a passkey in a browser, for signing there.
It can be used once, within 7 days. Hand it over so that nobody else sees it; the
ledger itself knows only the hash of what opens it, and no name is kept.

A link grants nothing. The key that is made waits: spredning key waiting shows it
with a short code, which you compare with whoever made it, and spredning key
approve enrols it. An admin of the organisation signs, or the authority.

The address of --url is the one that the link leads to, and the only one that the
passkey will work at.`,
		Example: `  spredning key invite --role report --label innovasjonsrådgiver --key keys/bergen-admin
  spredning key invite --org 983971636 --role admin,report --label administrator --key keys/authority`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if i.roles == "" || i.label == "" {
				return misuse("--role and --label are required")
			}
			return i.run(cmd.Context(), e)
		},
	}
	cmd.Flags().StringVar(&i.org, "org", "", "organisation the key is for (default: the signing key's)")
	cmd.Flags().StringVar(&i.roles, "role", "", "what the key may do: admin, report, assess; several separated by commas")
	cmd.Flags().StringVar(&i.label, "label", "", "a role such as innovasjonsrådgiver, never a person's name")
	cmd.Flags().StringVar(&i.key, "key", "", "admin's key file that signs (or SPREDNING_KEY)")
	cmd.Flags().BoolVar(&i.yes, "yes", false, "do not ask before signing")
	urlFlag(cmd, e)
	return cmd
}

// invitation is what the ledger answers, with the link that was made here.
type invitation struct {
	Link         string        `json:"link"`
	Organisation ledger.Orgnr  `json:"organisation"`
	Name         string        `json:"name"`
	Roles        []ledger.Role `json:"roles"`
	Label        string        `json:"label"`
	Expires      time.Time     `json:"expires"`
}

func (i *inviting) run(ctx context.Context, e *env) error {
	c, err := e.client()
	if err != nil {
		return err
	}
	signer, by, err := e.admin(ctx, c, i.key)
	if err != nil {
		return err
	}
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	token := newToken()
	sum := sha256.Sum256([]byte(token))
	r := ledger.InviteRequest{
		Ledger: status.Ledger, Organisation: by, Roles: rolesOf(i.roles), Label: i.label,
		TokenSHA256: hex.EncodeToString(sum[:]), At: time.Now().UTC().Format(time.RFC3339),
	}
	if i.org != "" {
		r.Organisation = ledger.Orgnr(i.org)
	}
	if err := e.confirmInvitation(ctx, c, by, r, i.yes); err != nil {
		return err
	}
	out, err := c.invite(ctx, r, signer)
	if err != nil {
		return err
	}
	out.Link = c.base + "/nokkel#" + token
	return e.tellInvitation(out)
}

// newToken makes what opens an invitation: 43 characters that nobody guesses.
func newToken() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(secret)
}

// admin gives the key that signs, and whose it is.
func (e *env) admin(ctx context.Context, c *client, path string) (*keys.Private, ledger.Orgnr, error) {
	var paths []string
	if path != "" {
		paths = []string{path}
	}
	signers, err := e.signers(paths)
	if err != nil {
		return nil, "", err
	}
	by, err := c.owner(ctx, signers[0])
	return signers[0], by, err
}

// invite signs a request and sends it.
func (c *client) invite(ctx context.Context, r ledger.InviteRequest, signer *keys.Private) (out invitation, err error) {
	signed, err := json.Marshal(r)
	if err != nil {
		return out, err
	}
	body, err := json.Marshal(struct {
		Request string  `json:"request"`
		KeyID   keys.ID `json:"keyid"`
		Sig     []byte  `json:"sig"` // standard base64
	}{string(signed), signer.ID(), signer.Sign(keys.PAEOf(keys.InvitationV1, signed))})
	if err != nil {
		return out, err
	}
	answer, _, err := c.do(ctx, http.MethodPost, "/api/v1/invitations", body)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return out, fmt.Errorf("%s did not answer as a ledger does: %w", c.base, err)
	}
	return out, nil
}

var (
	statesInvite = put(
		"%s inviterer noen til å lage en passnøkkel for %s. Lenken virker én gang. Nøkkelen kan ikke signere noe før dere har sammenlignet koden og registrert den.",
		"%s inviterer nokon til å lage ein passnøkkel for %s. Lenkja verkar éin gong. Nøkkelen kan ikkje signere noko før de har samanlikna koden og registrert han.",
		"%s invites somebody to make a passkey for %s. The link works once. The key can sign nothing until you have compared its code and enrolled it.")
	handOver = put(
		"Gi lenken til den som skal lage nøkkelen, slik at ingen andre ser den. Den virker én gang, frem til %s. Etterpå:",
		"Gi lenkja til den som skal lage nøkkelen, slik at ingen andre ser ho. Ho verkar éin gong, fram til %s. Etterpå:",
		"Hand the link to whoever is to make the key, so that nobody else sees it. It works once, until %s. Afterwards:")
	labelCode = put("Kode", "Kode", "Code")
	noneWait  = put(
		"Ingen nøkler venter på å bli registrert for %s.",
		"Ingen nøklar ventar på å bli registrerte for %s.",
		"No keys wait to be enrolled for %s.")
	compareCodes = put(
		"Sammenlign koden med den som laget nøkkelen, på telefon for eksempel. Er den lik, registrer nøkkelen:",
		"Samanlikn koden med den som laga nøkkelen, på telefon til dømes. Er han lik, registrer nøkkelen:",
		"Compare the code with whoever made the key, by telephone for example. If it is the same, enrol the key:")
)

// confirmInvitation shows what is about to be signed, and asks on a terminal.
func (e *env) confirmInvitation(ctx context.Context, c *client, by ledger.Orgnr, r ledger.InviteRequest, yes bool) error {
	l, err := e.language()
	if err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, r.At)
	if err != nil {
		return err
	}
	f := facts{names: map[ledger.Orgnr]string{}}
	if err := f.findNames(ctx, c, []ledger.Orgnr{by, r.Organisation}); err != nil {
		return err
	}
	s := saying{states: l.say(statesInvite, f.name(by), f.name(r.Organisation)), rows: []row{
		{l.say(labelOrganisation), f.organisation(l, r.Organisation)},
		{l.say(labelLabel), r.Label},
		{l.say(labelRoles), l.words(keyRoles, texted(r.Roles)...)},
		{l.say(labelAt), at.Format("2006-01-02 15:04:05 UTC")},
		{l.say(labelLedger), r.Ledger},
	}}
	fmt.Fprintf(e.err, "\n%s\n", strings.Join(s.lines(), "\n"))
	return e.confirm(l, 1, yes)
}

func (e *env) tellInvitation(i invitation) error {
	if e.json {
		return e.printJSON(i)
	}
	l, err := e.language()
	if err != nil {
		return err
	}
	e.tell(l.say(handOver, i.Expires.UTC().Format("2006-01-02 15:04 UTC")))
	fmt.Fprintf(e.err, "  spredning key waiting --org %s \\\n      --url %s\n", i.Organisation, e.url)
	fmt.Fprintln(e.out, i.Link)
	return nil
}

// waitingKey is a key that was made with an invitation.
type waitingKey struct {
	KeyID  keys.ID       `json:"keyid"`
	Code   string        `json:"code"`
	Scheme string        `json:"scheme"`
	Public string        `json:"public"`
	Roles  []ledger.Role `json:"roles"`
	Label  string        `json:"label"`
	UsedAt time.Time     `json:"used_at"`
}

// key is it as key.enrolled has it.
func (w waitingKey) key() ledger.Key {
	return ledger.Key{Scheme: w.Scheme, Public: w.Public, Roles: w.Roles, Label: w.Label}
}

// waiting gives the keys that wait for an organisation. The ledger is not trusted with
// which key has which code.
func (c *client) waiting(ctx context.Context, o ledger.Orgnr) ([]waitingKey, error) {
	var list struct {
		Items []waitingKey `json:"items"`
	}
	err := c.read(ctx, "/api/v1/organisations/"+url.PathEscape(string(o))+"/waiting", &list)
	if notFound(err) {
		return nil, fmt.Errorf("organisation %s is not registered at %s", o, c.base)
	}
	for _, w := range list.Items {
		if id := w.key().PublicKey().ID(); id != w.KeyID || keys.Code(id) != w.Code {
			return nil, fmt.Errorf("the ledger gave key %s with a code or an id that is not its own; approve nothing, and tell whoever runs it", id)
		}
	}
	return list.Items, err
}

func keyWaitingCommand(e *env) *cobra.Command {
	var org, key string
	cmd := &cobra.Command{
		Use:   "waiting [--org ORGNR]",
		Short: "List the keys that were made with invitations and wait for an admin",
		Long: `List the passkeys that were made with an organisation's invitations and are not
enrolled yet, each with the code to compare with whoever made it. They may sign
nothing until spredning key approve has enrolled them.`,
		Example: `  spredning key waiting --org 983974724
  spredning key waiting --key keys/bergen-admin`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := e.client()
			if err != nil {
				return err
			}
			o := ledger.Orgnr(org)
			if o == "" {
				if _, o, err = e.admin(cmd.Context(), c, key); err != nil {
					return err
				}
			}
			all, err := c.waiting(cmd.Context(), o)
			if err != nil {
				return err
			}
			return e.tellWaiting(o, all)
		},
	}
	cmd.Flags().StringVar(&org, "org", "", "organisation the keys are for (default: that of --key)")
	cmd.Flags().StringVar(&key, "key", "", "key file of the organisation (or SPREDNING_KEY); nothing is signed")
	urlFlag(cmd, e)
	return cmd
}

func (e *env) tellWaiting(o ledger.Orgnr, all []waitingKey) error {
	if e.json {
		if all == nil {
			all = []waitingKey{}
		}
		return e.printJSON(struct {
			Items []waitingKey `json:"items"`
		}{all})
	}
	l, err := e.language()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		e.tell(l.say(noneWait, o))
		return nil
	}
	rows := make([][]string, len(all))
	for i, w := range all {
		rows[i] = []string{w.Code, strings.Join(texted(w.Roles), ","), w.Label, w.UsedAt.UTC().Format("2006-01-02 15:04 UTC")}
	}
	e.table([]string{"Code", "Roles", "Label", "Made"}, rows)
	e.tell(l.say(compareCodes))
	fmt.Fprintf(e.err, "  spredning key approve %s --org %s --key %s \\\n      --url %s\n", all[0].Code, o, l.say(wordKeyFile), e.url)
	return nil
}

func keyApproveCommand(e *env) *cobra.Command {
	var ch change
	var org string
	cmd := &cobra.Command{
		Use:   "approve CODE --key FILE",
		Short: "Enrol a key that was made with an invitation",
		Long: `Enrol the waiting key that has this code, with the roles and the label that it was
invited to: from then on it signs for its organisation. CODE is what whoever made
the key reads to you, not what somebody sent you with the link; case and hyphen do
not matter. An admin of the organisation signs, or the authority.`,
		Example: "  spredning key approve 7K2QM-0XW4T --key keys/bergen-admin",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			code := keys.PlainCode(args[0])
			return ch.submitFound(cmd, e, func(c *client, by ledger.Orgnr) (ledger.Data, error) {
				if org != "" {
					by = ledger.Orgnr(org)
				}
				w, err := c.waitingWith(cmd.Context(), by, code)
				if err != nil {
					return nil, err
				}
				return &ledger.Enrolment{Organisation: by, Key: w.key()}, nil
			})
		},
	}
	cmd.Flags().StringVar(&org, "org", "", "organisation the key is for (default: the one that acts)")
	ch.flags(cmd, e)
	return cmd
}

// waitingWith gives the one key that waits with a code.
func (c *client) waitingWith(ctx context.Context, o ledger.Orgnr, code string) (found waitingKey, err error) {
	all, err := c.waiting(ctx, o)
	if err != nil {
		return found, err
	}
	for _, w := range all {
		switch {
		case w.Code != code:
		case found.Code != "":
			return found, errors.New("two keys wait with this code; approve neither, and invite anew")
		default:
			found = w
		}
	}
	if found.Code == "" {
		return found, fmt.Errorf("no key with the code %s waits for %s; spredning key waiting shows those that do", code, o)
	}
	return found, nil
}
