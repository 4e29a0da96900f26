package site

// pages is every page there is, those of the menu in its order. A page that is not
// here is linked from nowhere.
var pages []page

func init() { // below, for pages name functions that link to pages
	pages = []page{
		{path: "/", name: "front", show: (*visit).front},
		{path: "/innovasjoner", name: "innovations", menu: true, show: (*visit).innovations},
		{path: "/innovasjoner/:id", name: "innovation", titled: true, show: (*visit).innovationPage},
		{path: "/foretak", name: "organisations", menu: true, show: (*visit).organisations},
		{path: "/foretak/:orgnr", name: "organisation", titled: true, show: (*visit).organisationPage},
		{path: "/poeng", name: "points", menu: true, show: (*visit).pointsPage},
		{path: "/poeng/:year", name: "points_year", titled: true, show: (*visit).pointsYearPage},
		{path: "/poeng/:year/:orgnr", name: "point_lines", titled: true, show: (*visit).pointLines},
		{path: "/simulering", name: "simulation", menu: true, post: true, show: (*visit).simulationPage},
		{path: "/kontroll", name: "check", menu: true, show: (*visit).checkingPage},
		{path: "/data", name: "data", menu: true, show: (*visit).dataPage},
		{path: "/data/api", name: "api", show: (*visit).apiPage},
		{path: "/om", name: "about", menu: true, show: (*visit).aboutPage},
		{path: "/bekreft", name: "confirm", show: (*visit).confirming},
		{path: "/bekreft/:id", name: "form", titled: true, show: (*visit).confirmForm},
		{path: "/skjema/:form", name: "form", titled: true, show: (*visit).formPage},
		{path: "/utkast/:hash", name: "draft", show: (*visit).draftPage},
		{path: "/vedlegg/:index", name: "files", titled: true, show: (*visit).filesPage},
		{path: "/nokkel", name: "enrol", show: (*visit).enrolPage},
		{path: "/foretak/:orgnr/arbeid", name: "desk", titled: true, show: (*visit).desk},
		{path: "/foretak/:orgnr/nokler", name: "keys", titled: true, show: (*visit).keysPage},
	}
}

// failure is a page that is shown in the place of another.
var failure = page{name: "failure"}
