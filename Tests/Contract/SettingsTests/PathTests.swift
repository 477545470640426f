import Settings
import Testing

/// How routes and rewrites say which paths they are about, and what is said of other ways.
@Suite("Paths")
struct PathTests {
    private static let noExpression =
        " (a path is not a regular expression: write captures such as '/a/{name}')"
    private static let hostExpression =
        " (regular expressions are not supported: write a path with captures such as '/a/{name}')"
    private static let wildcardHost =
        " (the only wildcard is '*.' at the front, as in '*.example.kr')"

    static let routes: [(String, String)] = [
        (
            "/admin/*",
            "14: '*' is not a wildcard: a route matches everything below its path (write"
                + " '/admin/', or '/admin/{rest...}' to capture it)"
        ),
        (
            "/admin/**",
            "14: '**' is not a wildcard: a route matches everything below its path (write"
                + " '/admin/', or '/admin/{rest...}' to capture it)"
        ),
        (
            "\"/admin/.*\"",
            "15: '.*' is not a wildcard: a route matches everything below its path (write"
                + " '/admin/', or '/admin/{rest...}' to capture it)"
        ),
        (
            "x.kr/admin/*/",
            "18: '*' is not a wildcard: a route matches everything below its path (write"
                + " '/admin/', or '/admin/{rest...}' to capture it)"
        ),
        ("/*", "8: '*' is not a wildcard: a route for '/' matches every path (write '/')"),
        ("/a/*/b", "10: '*' is not a wildcard (write '{name}' to capture one segment)"),
        ("/a/*.js", "10: wildcards within a segment are not supported ('*' itself is '%2A')"),
        ("/a/x*", "10: wildcards within a segment are not supported ('*' itself is '%2A')"),
        ("/a/:id", "10: ':id' captures nothing (write '{id}')"),
        ("/a/:id/b", "10: ':id' captures nothing (write '{id}')"),
        ("/a/:", "10: ':' at the front is written '%3A'"),
        ("/a/<id>", "10: '<id>' captures nothing (write '{id}')"),
        ("/a/<int:id>/b", "10: '<int:id>' captures nothing (write '{id}')"),
        ("/a/[id]", "10: '[id]' captures nothing (write '{id}')"),
        ("/a/[...slug]", "10: '[...slug]' captures nothing (write '{slug...}')"),
        ("/a/$id", "10: '$id' captures nothing (write '{id}')"),
        ("/a/{id", "10: a capture must end with '}' (write '{id}')"),
        ("/a/{id?", "10: a capture must end with '}' (write '{id}')"),
        (
            "/a/{id:int}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{id}')"
        ),
        (
            "/a/{id?}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{id}')"
        ),
        (
            "/a/{*rest}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{rest...}')"
        ),
        (
            "/a/{...rest}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{rest...}')"
        ),
        (
            "/a/{p:path}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{p...}')"
        ),
        (
            "/a/{{id}}",
            "10: the name of a capture must consist of letters, digits and '_' (write '{id}')"
        ),
        ("/a/{}", "10: the name of a capture must consist of letters, digits and '_'"),
        ("/a/{id}.json", "10: a capture must be a whole segment, as in '/ws/{name}'"),
        (
            "/a/{rest...}/b",
            "10: '{rest...}' captures everything that follows, so it must be at the end"
        ),
        ("/a/{x}/{x...}", "14: '{x}' is captured twice"),
        ("/a/(\\d+)/b", "10: '\\' must be escaped in a path" + noExpression),
        ("/a/[0-9]+", "10: '[' must be escaped in a path" + noExpression),
        ("/(a|b)/c", "8: '|' must be escaped in a path" + noExpression),
        ("/a/x$", "10: '$' at the end is written '%24'" + noExpression),
        ("\"/a/(?<x>.)\"", "11: a path must not contain a query or a fragment" + noExpression),
        (
            "/a/%2Fb",
            "10: a route's own path must not contain an escaped slash: apps read it in two ways"
                + " (see 'encoded_slashes')"
        ),
        ("/a/%zz", "10: this escape is malformed ('%' itself is '%25')"),
        ("/a/100%", "10: this escape is malformed ('%' itself is '%25')"),
        ("/a/%00", "10: a path must not contain control characters"),
        // Hosts.
        (
            "*/a",
            "7: '*' is not a host name (leave it out: a route without a host is for every host)"
        ),
        (".x.kr/a", "7: '.x.kr' is not a host name (write '*.x.kr')"),
        ("x.kr:443/a", "7: 'x.kr:443' is not a host name (leave the port out: write 'x.kr')"),
        (
            "https://x.kr/a",
            "7: 'https:' is not a host name (leave the scheme out: a route begins with its host or"
                + " its path)"
        ),
        ("{t}.x.kr/a", "7: '{t}.x.kr' is not a host name" + wildcardHost),
        ("api.*/a", "7: 'api.*' is not a host name" + wildcardHost),
        ("^/a", "7: '^' is not a host name" + hostExpression),
        ("~", "7: a route needs a path; write at least '/'" + hostExpression),
    ]

    @Test("of routes say what to write instead of what would match nothing", arguments: routes)
    func route(path: String, complaint: String) {
        let found = complaints("listen 127.0.0.1:1\nroute \(path) { respond 200 }")
        #expect(found == "2:" + complaint.replacing(": ", with: ": error: ", maxReplacements: 1))
    }

    static let rewrites: [Mistake] = [
        .init(
            .top, "rewrite /a/* to /b",
            "12: '*' is not a wildcard (write '/a/{rest...}' to capture all that follows)"),
        .init(
            .top, "rewrite /a/{rest...} to /b/{rest...}",
            "28: no placeholder '{rest...}' here (write '{rest}')"),
        .init(.top, "rewrite /a/{id} to /b/$1", "23: \(foreign("$1"))"),
        .init(.top, "rewrite /a/{id} to /b/\\1", "23: \(foreign("\\1"))"),
        .init(.top, "rewrite /a/{id} to /b/:id", "22: \(foreign("/:id"))"),
        .init(.top, "rewrite /a/{id} to /b/*", "22: \(foreign("/*"))"),
        .init(.top, "rewrite /a/{id} to /b/<id>", "22: \(foreign("/<id>"))"),
        .init(
            .top, "rewrite /a/{id} to /b$request_uri",
            "22: '$request_uri' is not a placeholder (the query is kept anyway; captures are"
                + " written '{name}')"
        ),
        .init(
            .top, "rewrite ^/a/(.*)$ to /b",
            "9: a path must begin with '/', unlike '^/a/(.*)$' (a path is not a regular"
                + " expression: write captures such as '/a/{name}', or 'rewrite path matches REGEX"
                + " to …')"),
        .init(
            .top, "rewrite path match /a to /b", "14: expected 'matches', not 'match'"),
        .init(
            .top, "rewrite path matches /a",
            "1: 'rewrite' is incomplete (expected: rewrite FROM to TO | path matches REGEX to TO)"),
        .init(
            .top, "rewrite /a to /b /c",
            "18: unexpected '/c' after 'rewrite' (expected: rewrite FROM to TO | path matches REGEX"
                + " to TO)"),
        .init(
            .bareRoute, "redirect 308 https://x.kr$request_uri",
            redirect("$request_uri", "target")),
        .init(.bareRoute, "redirect 308 https://x.kr$uri", redirect("$uri", "path")),
        .init(.bareRoute, "redirect 308 \"https://x.kr/$1\"", "28: \(foreign("$1"))"),
    ]

    private static func foreign(_ text: String) -> String {
        "'\(text)' is not a placeholder (a capture of the path is written by its name, as in"
            + " '{name}')"
    }

    private static func redirect(_ text: String, _ meant: String) -> String {
        "26: '\(text)' is not a placeholder (write '{request.\(meant)}')"
    }

    @Test("of rewrites and redirects, too", arguments: rewrites)
    func rewrite(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    static let manners: [Mistake] = [
        .init(.route, "path raw", "6: expected normal or keep, not 'raw'"),
        .init(.route, "encoded_slashes on", "17: expected refuse or keep, not 'on'"),
        .init(.route, "ignore_case yes", "13: expected on or off, not 'yes' (did you mean 'on'?)"),
        .init(.route, "parameters strip", "12: expected keep, ignore or refuse, not 'strip'"),
        .init(.route, "strip /", "7: 'strip /' would remove nothing"),
        .init(.route, "strip x", "7: a path must begin with '/', unlike 'x'"),
        .init(.route, "strip /x/{id}", "7: the path to remove must not contain captures"),
        .init(
            .route, "strip /y",
            "7: 'strip' removes the beginning of this route's own path, but '/x/{id}' does not"
                + " begin with '/y'"
        ),
        .init(
            .bareRoute, "respond 200; strip /x",
            "20: 'strip' has no effect without 'backend': the path is sent to no app"),
        .init(
            .defaults, "strip /x",
            "1: unknown directive 'strip' in 'defaults' (it belongs in 'route')"),
    ]

    @Test("may be read otherwise by apps, in so many ways", arguments: manners)
    func manner(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("are read as the route says, or as defaults do")
    func inherited() throws {
        let text = """
            defaults { backend app; path keep; encoded_slashes keep; parameters ignore }
            route /x/{id}/{rest...} { strip /x/; ignore_case on }
            route /y { path normal; encoded_slashes refuse; parameters refuse; ignore_case off }
            """
        let routes = try #require(read(prelude + text).settings).routes.suffix(2)
        let (first, second) = (routes[routes.startIndex], routes[routes.startIndex + 1])
        var paths = PathSettings()
        paths.parameters = .refuse
        #expect(second.paths == paths)
        (paths.spelling, paths.encodedSlashes, paths.parameters) = (.keep, .keep, .ignore)
        paths.ignoresCase = true
        paths.prefix = .init(text: "/x", segmentCount: 1)
        #expect(first.paths == paths)
        #expect(first.path == PathPattern(segments: [.literal("x"), .capture("id")], rest: "rest"))
        #expect(first.path.captures == ["id", "rest"])
    }

    @Test("are warned about where two readings lead to two routes")
    func warned() {
        let text = """
            route /p/{id}/x { encoded_slashes keep; backend app }
            route /q/{id} { encoded_slashes keep; require path:id == query:x; backend app }
            route /r/{id} { encoded_slashes keep; backend app }
            route /s { ignore_case on; parameters ignore; backend app }
            route /S/admin { parameters refuse; backend app }
            """
        let found = complaints(prelude + text)
        #expect(
            found == """
                2:19: warning: requests whose '{id}' contains an escaped slash are refused: \
                read as a slash, it leads to another route (let a route for what is before \
                '{id}' keep them)
                3:17: warning: requests whose '{id}' contains an escaped slash are refused: it \
                decides who is let in, but apps read it differently
                5:12: warning: the route at line 6 is below this one and does not have \
                'ignore_case': requests for it in another spelling are refused
                """)
    }
}
