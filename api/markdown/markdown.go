// Package markdown turns the Markdown of a story into HTML that is safe on our own
// pages, whoever wrote it.
//
// A story is CommonMark. Raw HTML is dropped. Links are kept if they
// begin with https://, pictures if they are attachments of the ledger itself; of
// the others their text stays. Headings begin at the third level, for a story
// stands below headings of a page. So
//
//	![Pumpen](5994…) Les mer på [sidene våre](https://spredning.example/).
//
// where 5994… is an attachment's SHA-256 in 64 hexadecimal digits gives a picture
// and a link. What comes out has passed a second, independent filter.
package markdown

import (
	"bytes"
	"net/url"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The longest story that is turned into HTML, some 10,000 words, and the longest
// paragraph in it: lines without an empty one between. Together they bound the time
// that takes, which grows with the square of a paragraph that was made to be slow.
const (
	MaxSize      = 64 << 10
	MaxParagraph = 8 << 10
)

// Path is where the pictures of stories are served, by SHA-256.
const Path = "/api/v1/attachments/"

var (
	httpsLink   = regexp.MustCompile(`^https://[^\s/?#:@]`)
	pictureHash = regexp.MustCompile(`^(?:` + regexp.QuoteMeta(Path) + `)?([0-9a-f]{64})$`)
	pictureSrc  = regexp.MustCompile(`^` + regexp.QuoteMeta(Path) + `[0-9a-f]{64}$`)
)

// HTML turns a story into HTML; false: it or a paragraph in it is too long.
// isPicture tells whether a SHA-256 is that of a picture that the ledger's entries
// name and that may be shown.
func HTML(markdown []byte, isPicture func(sha256 string) bool) (string, bool) {
	if tooLong(markdown) {
		return "", false
	}
	md := goldmark.New(
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(harmless{isPicture}, 1000))),
	)
	var b bytes.Buffer
	if err := md.Convert(markdown, &b); err != nil {
		return "", false // writing to memory does not fail
	}
	return policy.Sanitize(b.String()), true
}

func tooLong(markdown []byte) bool {
	if len(markdown) > MaxSize {
		return true
	}
	paragraph := 0
	for line := range bytes.Lines(markdown) {
		if paragraph += len(line); len(bytes.TrimSpace(line)) == 0 {
			paragraph = 0
		}
		if paragraph > MaxParagraph {
			return true
		}
	}
	return false
}

// policy is the second filter: it knows elements and attributes, not Markdown.
var policy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "em", "strong", "ul", "ol", "li")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").Matching(httpsLink).OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^nofollow noopener$`)).OnElements("a")
	p.AllowAttrs("src").Matching(pictureSrc).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowURLSchemes("https")
	p.AllowRelativeURLs(true) // of pictures; links must match httpsLink
	p.RequireParseableURLs(true)
	return p
}()

// harmless takes out of a parsed story what must not be in its HTML.
type harmless struct {
	isPicture func(sha256 string) bool
}

// Transform makes it a [parser.ASTTransformer].
func (h harmless) Transform(doc *ast.Document, reader text.Reader, _ parser.Context) {
	var nodes []ast.Node
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			nodes = append(nodes, n)
		}
		return ast.WalkContinue, nil
	})
	for _, n := range nodes {
		h.tame(n, reader.Source())
	}
}

func (h harmless) tame(n ast.Node, source []byte) {
	switch n := n.(type) {
	case *ast.RawHTML, *ast.HTMLBlock:
		n.Parent().RemoveChild(n.Parent(), n)
	case *ast.Heading:
		n.Level = min(n.Level+2, 6)
	case *ast.Link:
		n.Title = nil
		if !leadsOut(n.Destination) {
			unwrap(n)
		}
		n.SetAttributeString("rel", []byte("nofollow noopener"))
	case *ast.AutoLink:
		if !leadsOut(n.URL(source)) || n.AutoLinkType != ast.AutoLinkURL {
			n.Parent().ReplaceChild(n.Parent(), n, ast.NewString(n.Label(source)))
		}
		n.SetAttributeString("rel", []byte("nofollow noopener"))
	case *ast.Image:
		n.Title = nil
		m := pictureHash.FindSubmatch(n.Destination)
		if m == nil || !h.isPicture(string(m[1])) {
			unwrap(n)
			return
		}
		n.Destination = append([]byte(Path), m[1]...)
	}
}

// leadsOut reports whether a link is one that the ledger's entries may have, too.
func leadsOut(link []byte) bool {
	u, err := url.Parse(string(link))
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && httpsLink.Match(link)
}

// unwrap leaves of a node what is in it.
func unwrap(n ast.Node) {
	parent := n.Parent()
	for child := n.FirstChild(); child != nil; child = n.FirstChild() {
		parent.InsertBefore(parent, n, child)
	}
	parent.RemoveChild(parent, n)
}
