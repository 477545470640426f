import Settings
import Testing

@Suite("What runs but should not")
struct WarningTests {
    private static let tls = "listen 127.0.0.1:1 { tls { certificate self_signed } }\n"
    private static let jwt = "jwt app { algorithms HS256; secret env:JWT_SECRET; audience a }\n"
    private static let backend = "backend app { server 127.0.0.1:8000 }\n"

    private static let store = "sessions s { store query:s; limit 1 block_new }\n"
    private static let free =
        "the request alone says which store it is for, so a client can name the store of another"
        + " one: bind 'query:s' to the token"
    private static let opaque =
        "'null' can be any page in a sandboxed frame: with the user's cookie, it is let in here"

    private static func bound(_ requirement: String) -> String {
        "route / { auth app; require \(requirement); sessions s; respond 200 }"
    }

    static let cases: [(text: String, complaints: String)] = [
        (
            "listen 0.0.0.0:80\nroute / { respond 200 }",
            "1:8: warning: '0.0.0.0:80' is reachable from other machines and has no 'tls'"
        ),
        ("listen 127.0.0.1:80\nroute / { respond 200 }", ""),
        (
            "trust_fields forwarded\nlisten 127.0.0.1:80\nroute / { respond 200 }",
            "1:1: warning: without 'trust' these fields are read from no proxy"
        ),
        (
            "trust_fields forwarded; trust 10.0.0.0/8\nlisten 127.0.0.1:80\n"
                + "route / { respond 200 }", ""
        ),
        ("listen [::1]:80\nlisten unix:/s\nroute / { respond 200 }", ""),
        ("listen 0.0.0.0:80 { redirect https }", ""),
        (tls, "1:8: warning: there is no 'route': every request is answered with 404"),
        (
            tls + "jwt app { algorithms HS256; secret env:JUST; audience a }\n"
                + "route / { auth app; respond 200 }", ""
        ),
        (
            tls + "jwt app { algorithms HS384; secret env:JUST; allow_weak_keys on; audience a }\n"
                + "route / { auth app; respond 200 }", ""
        ),
        (
            tls
                + "jwt app { algorithms HS256; secret env:JUST }\n"
                + "route / { auth app; respond 200 }",
            "2:5: warning: jwt 'app' names no 'audience': it lets in tokens that were made for"
                + " other services"
        ),
        (
            "listen *:80\njwt app { algorithms HS256; secret env:JUST; audience a;"
                + " from bearer query:t }\nroute / { auth app; respond 200 }",
            "1:8: warning: '*:80' is reachable from other machines and has no 'tls'\n2:70:"
                + " warning: tokens in the query are sent unencrypted: the listener at line 1 has"
                + " no 'tls'"
        ),
        (
            tls + jwt + store + "route / { auth app; sessions s; respond 200 }\n"
                + "route /b { auth app optional; require query:x == claim:x; sessions s;"
                + " respond 200 }",
            "4:30: warning: \(free) (as in 'require claim:store_id == query:s')\n"
                + "5:68: warning: \(free) (as in 'require claim:store_id == query:s')"
        ),
        (
            tls + jwt + store + "defaults { auth app; sessions s }\n"
                + "route /a { respond 200 }\nroute /b { respond 200 }",
            "4:31: warning: \(free) (as in 'require claim:store_id == query:s')"
        ),
        (tls + store + "route / { sessions s; respond 200 }", ""),
        (tls + jwt + store + bound("claim:a == query:s"), ""),
        (tls + jwt + store + bound("query:s == claim:a"), ""),
        (tls + jwt + store + bound("query:s in claim:a"), ""),
        (tls + jwt + store + bound("claim:a has query:s"), ""),
        (tls + jwt + store + bound("query:s in 17 18"), ""),
        (tls + jwt + store + bound("query:s == 17 and claim:a == x"), ""),
        (tls + jwt + store + bound("claim:admin == true or claim:a == query:s"), ""),
        (
            tls + jwt + store + bound("query:s != claim:a and query:s == query:t"),
            "4:81: warning: \(free) (as in 'require claim:store_id == query:s')"
        ),
        (
            tls + jwt + "sessions s { store claim:shop; limit 1 block_new }\n"
                + "route / { auth app; sessions s; respond 200 }", ""
        ),
        (
            tls + jwt + "sessions s { store path:shop; limit 1 block_new }\n"
                + "route /{shop} { auth app; sessions s; respond 200 }",
            "4:36: warning: the request alone says which store it is for, so a client can name the"
                + " store of another one: bind 'path:shop' to the token (as in 'require"
                + " claim:store_id == path:shop')"
        ),
        (
            tls + "jwt app { algorithms HS256; secret env:JUST; audience a; from cookie:t }\n"
                + "route /a { auth app; origins null; respond 200 }\n"
                + "route /b { auth app; cors null { credentials on }; respond 200 }\n"
                + "route /c { auth app; cors null; respond 200 }\n"
                + "route /d { origins null; cors null { credentials on }; respond 200 }",
            "3:22: warning: \(opaque)\n4:22: warning: \(opaque)"
        ),
        (tls + jwt + "route / { auth app; origins null file://; respond 200 }", ""),
        (
            tls + jwt + backend + "sessions s { store query:s; limit 1 block_new }\n"
                + "route / { respond 200 }",
            "2:5: warning: no route uses jwt 'app'\n3:9: warning: no route uses backend 'app'\n"
                + "4:10: warning: no route uses sessions 's'"
        ),
        (
            tls + "route /a/{x} { respond 200 }\nroute /a/{y} { respond 201; methods GET }",
            "3:7: warning: no request reaches this route: the one at line 2 matches all of them"
        ),
        (
            tls + "route /a { respond 200; methods GET }\nroute /a { respond 201; methods POST }\n"
                + "route /a { respond 202; methods POST GET }\nroute /a { respond 202 }",
            "4:7: warning: no request reaches this route: the one at line 2 matches all of them"
        ),
        (
            tls + "route /a { respond 200 }\nroute /a/ { respond 200 }\n"
                + "route a.kr/a { respond 200 }\nroute *.a.kr/a { respond 200 }", ""
        ),
        (
            tls + "route / { respond 200; deny 10.0.0.0/8; allow 10.1.0.0/16 10.0.0.0/7 ::1;"
                + " deny ::/0 ::2 }",
            "2:47: warning: 'deny' of a network around '10.1.0.0/16' comes before and decides"
                + " (write the smaller one first)"
        ),
        (
            tls + jwt + backend
                + "route / { auth app; backend app; methods GET; cors any { methods GET PUT } }",
            "4:47: warning: 'cors' allows PUT, but it is not among the 'methods' of this route"
        ),
        (
            tls + "route /a { events; methods POST; respond 200 }\n"
                + "route /b { events; methods GET POST; respond 200 }",
            "2:12: warning: only a GET is an event stream, but GET is not among this route's"
                + " 'methods'"
        ),
        (
            tls + backend + "defaults { backend app; cors any; buffer_body 1k }\n"
                + "route / { websocket }", ""
        ),
        (
            tls + "rewrite /a/{x} to /b\nrewrite /a/{y}/ to /c\nroute / { respond 200 }",
            "3:9: warning: no request reaches this rewrite: the one at line 2 matches all of them"
        ),
        (
            tls + "rewrite /shop/{id}/patient/{pid} to /patient/{pid}\n"
                + "route /patient/{id} { respond 200 }",
            "2:9: warning: the route at line 3 also has a '{id}': the directives of the route read"
                + " that one, those of this rewrite its own"
        ),
        (
            tls + "rewrite /a/{x}/{y} to /{x}/b{y}/c\nroute /{x}/{y} { respond 200 }",
            "2:9: warning: the route at line 3 also has a '{y}': the directives of the route read"
                + " that one, those of this rewrite its own"
        ),
        (
            // The same part of the path, another name, a route it does not lead to, one above it.
            tls + "rewrite /a/{x}/{y} to /b/{x}/c\nroute /b/{x} { respond 200 }\n"
                + "route /b/{z}/c { respond 200 }\nroute /b/c/d/{y} { respond 200 }\n"
                + "route /d/{y} { respond 200 }\nroute / { respond 200 }", ""
        ),
        (
            "listen 127.0.0.1:80\nconsole *:99 { token env:SHORT; allow_remote on }\n"
                + "route / { respond 200 }",
            "2:9: warning: the console at '*:99' has no TLS: its token is sent unencrypted"
        ),
        (
            "listen 127.0.0.1:80\nconsole [::1]:99 { token env:TINY }\nroute / { respond 200 }",
            "2:26: warning: this token is shorter than 16 octets (make one with 'openssl rand -hex"
                + " 32')"
        ),
        (
            tls + "jwt app { algorithms HS256; secret env:JUST; audience a; tickets on\n"
                + "on_expiry ignore; expiring 5s }\nroute / { auth app; respond 200 }",
            "2:58: warning: no route issues tickets of jwt 'app' (a route with 'ticket'"
                + " does)\n3:19: warning: with 'on_expiry ignore' no connection ends, so clients"
                + " need no notice"
        ),
        (
            tls + "jwt app { algorithms HS256; secret env:JUST; audience a; tickets on\n"
                + "on_expiry ignore; expiring off }\nroute / { auth app; ticket }", ""
        ),
        (
            tls + jwt + "route / { auth app optional; roles a; respond 200 }",
            "3:30: warning: a client without a token has no role: with 'roles', no client passes"
                + " because of 'optional'"
        ),
        (
            tls + jwt + "route / { auth app optional; roles a; respond 200; report_only roles }",
            ""
        ),
    ]

    @Test("Warnings come with settings", arguments: cases)
    func warning(text: String, expected: String) {
        var desk = Desk.usual
        desk.variables["SHORT"] = String(repeating: "x", count: 63)
        desk.variables["TINY"] = String(repeating: "x", count: 15)
        desk.variables["JUST"] = String(repeating: "x", count: 32)
        #expect(complaints(text, at: desk) == expected)
        #expect(read(text, at: desk).settings != nil)
    }

    @Test("Beside a secret written out, nothing is said about the words it hides") func hidden() {
        let text =
            Self.tls + "jwt app { algorithms HS256; secret hunter2; audience a }\n"
            + "route / { auth app; respond 200 }"
        #expect(
            complaints(text)
                == "2:36: error: a secret must not be written into the configuration: write"
                + " env:NAME for an environment variable or file:PATH for a file that contains it")
    }

    @Test("Beside errors, nothing is said about what only seems unused") func besideErrors() {
        let text = Self.tls + Self.backend + "route / { bakend app }\nroute / { respond 200 }"
        #expect(
            complaints(text)
                == "3:11: error: unknown directive 'bakend' in 'route' (did you mean 'backend'?)")
    }
}
