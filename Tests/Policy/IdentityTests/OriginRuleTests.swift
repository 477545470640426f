import Endings
import HTTP
import Identity
import Settings
import Testing

private func passes(
    _ origins: RouteSettings.Origins, _ origin: String?, host: String? = "app.example.kr",
    isTLS: Bool = true, sites: [String] = [], besides crossOrigin: RouteSettings.CrossOrigin? = nil
) -> Bool {
    let pairs =
        (origin.map { [(name: "Origin", value: $0)] } ?? [])
        + sites.map { (name: "Sec-Fetch-Site", value: $0) }
    do {
        try OriginRule(origins, besides: crossOrigin).check(
            Fields(pairs), authority: host.flatMap { Authority($0) }, isTLS: isTLS)
        return true
    } catch {
        #expect(error == Refusal(.policy, detail: "origin", message: "Origin not allowed"))
        return false
    }
}

@Suite("Origins")
struct OriginRuleTests {
    @Test(
        "the same origin has the host and the port that were asked",
        arguments: [
            ("https://app.example.kr", "app.example.kr", true, true),
            ("https://APP.example.kr", "app.EXAMPLE.kr", true, true),
            ("https://app.example.kr:443", "app.example.kr", true, true),
            ("https://app.example.kr", "app.example.kr:443", true, true),
            ("https://app.example.kr:8443", "app.example.kr:8443", true, true),
            ("http://app.example.kr", "app.example.kr", false, true),
            ("http://app.example.kr:80", "app.example.kr", false, true),
            ("http://app.example.kr", "app.example.kr:80", false, true),
            ("https://app.example.kr", "app.example.kr", false, true),
            ("http://[::1]:8080", "[::1]:8080", false, true),
            ("http://[::1]", "[::1]", false, true),
            ("http://localhost:3000", "localhost:3000", false, true),
            ("https://app.example.kr:8443", "app.example.kr", true, false),
            ("https://app.example.kr", "app.example.kr:8443", true, false),
            ("http://localhost:3000", "localhost:8080", false, false),
            ("https://app.example.kr", "app.example.kr:80", true, false),
            ("https://evil.example", "app.example.kr", true, false),
            ("https://app.example.kr.evil.example", "app.example.kr", true, false),
            ("https://xapp.example.kr", "app.example.kr", true, false),
            ("https://example.kr", "app.example.kr", true, false),
            ("http://[::2]", "[::1]", false, false),
            ("http://app.example.kr", "app.example.kr", true, false),
            ("http://app.example.kr:443", "app.example.kr", true, false),
        ])
    func sameOrigin(origin: String, host: String, isTLS: Bool, expected: Bool) {
        #expect(passes(.sameOrigin, origin, host: host, isTLS: isTLS) == expected)
    }

    @Test(
        "what is no single web origin is not the same origin",
        arguments: [
            "null", "", "app.example.kr", "//app.example.kr", "https:app.example.kr",
            "https://app.example.kr/", "https://app.example.kr/x", "https://app.example.kr?x",
            "https://app.example.kr#x", "https://evil.example@app.example.kr",
            "https://app.example.kr@evil.example", "https://app.example.kr:443:443",
            "https://app.example.kr:", "https://app.example.kr:0443x",
            "https://app.example.kr:99999",
            "https://app.example.kr:+443", "https://", "https://:443", "://app.example.kr",
            "https://app.example.kr https://evil.example", "https://app.example.kr,https://x",
            "https://app.example.kr\\.evil.example", "file://app.example.kr", "https://[::1",
            "chrome-extension://app.example.kr", "https://app.example.kr\u{0}", "https://[::1]x",
        ])
    func malformed(origin: String) {
        #expect(!passes(.sameOrigin, origin))
        #expect(!passes(.listed(["https://other.example"]), origin))
        #expect(passes(.any, origin))
    }

    @Test("a request without Origin comes from no browser and passes")
    func noOrigin() {
        #expect(passes(.sameOrigin, nil))
        #expect(passes(.listed([]), nil))
        #expect(passes(.any, nil))
        #expect(passes(.sameOrigin, nil, host: nil))
    }

    @Test("without a host there is no same origin")
    func noHost() {
        #expect(!passes(.sameOrigin, "https://app.example.kr", host: nil))
        #expect(!passes(.sameOrigin, "https://app.example.kr", host: ""))
        #expect(passes(.listed(["https://app.example.kr"]), "https://app.example.kr", host: nil))
    }

    @Test("listed origins pass with scheme and port, besides the same one")
    func listed() {
        let rule = RouteSettings.Origins.listed([
            "https://a.example", "http://b.example:8080", "https://c.example:443",
            "chrome-extension://abcdef",
        ])
        let table = [
            ("https://a.example", true), ("https://A.example:443", true),
            ("http://a.example", false), ("https://a.example:8443", false),
            ("http://b.example:8080", true), ("http://b.example", false),
            ("https://c.example", true), ("chrome-extension://abcdef", true),
            ("chrome-extension://abcdeg", false), ("https://app.example.kr", true),
            ("null", false), ("https://d.example", false), ("https://sub.a.example", false),
        ]
        for (origin, expected) in table { #expect(passes(rule, origin) == expected, "\(origin)") }
        #expect(!passes(.listed([""]), "null"))
    }

    @Test("pages that have no origin can be named")
    func pagesWithoutOrigin() {
        #expect(passes(.listed(["null"]), "null"))
        #expect(!passes(.listed(["null"]), "file://"))
        #expect(passes(.listed(["file://"]), "file://"))
        #expect(passes(.listed(["file://"]), "FILE://"))
        #expect(!passes(.listed(["file://"]), "null"))
        #expect(!passes(.listed(["file://", "null"]), "file:///home/x"))
        #expect(!passes(.listed(["file://", "null"]), "null,null"))
    }

    @Test(
        "where a browser leaves Origin out it says how far the page is",
        arguments: [
            ([], true), (["same-origin"], true), (["none"], true), (["cross-site"], false),
            (["same-site"], false), (["nonsense"], false), ([""], false), (["Same-Origin"], false),
            (["same-origin", "cross-site"], false), (["none", "same-site"], false),
        ])
    func fetchMetadata(sites: [String], expected: Bool) {
        #expect(passes(.sameOrigin, nil, sites: sites) == expected)
        #expect(passes(.listed(["https://a.example"]), nil, sites: sites) == expected)
        #expect(passes(.any, nil, sites: sites))
    }

    @Test("what is said of the distance is no excuse for a foreign origin, but for a hidden one")
    func originAndDistance() {
        #expect(!passes(.sameOrigin, "https://evil.example", sites: ["same-origin"]))
        #expect(!passes(.sameOrigin, "garbage", sites: ["same-origin"]))
        #expect(passes(.sameOrigin, "null", sites: ["same-origin"]))
        #expect(!passes(.sameOrigin, "null", sites: ["none"]))
        #expect(!passes(.sameOrigin, "null", sites: ["cross-site"]))
        #expect(passes(.sameOrigin, "https://app.example.kr", sites: ["cross-site"]))
    }

    @Test("pages that may send cookies across origins pass, others that may read do not")
    func besides() {
        var cors = RouteSettings.CrossOrigin(origins: .listed(["https://a.example"]))
        #expect(!passes(.sameOrigin, "https://a.example", besides: cors))
        cors.allowsCredentials = true
        #expect(passes(.sameOrigin, "https://a.example", besides: cors))
        #expect(passes(.listed(["https://b.example"]), "https://b.example", besides: cors))
        #expect(!passes(.sameOrigin, "https://b.example", besides: cors))
        cors = RouteSettings.CrossOrigin(origins: .any)
        #expect(!passes(.sameOrigin, "https://a.example", besides: cors))
    }

    @Test("methods that are defined to change nothing are four")
    func methods() {
        let safe: [HTTP.Method] = [.get, .head, .options, .trace]
        let others: [HTTP.Method] = [.post, .put, .delete, .patch, .connect, .other("PURGE")]
        for method in safe { #expect(!OriginRule.changesSomething(method)) }
        for method in others { #expect(OriginRule.changesSomething(method)) }
    }

    @Test("two Origin lines are refused even when both would pass")
    func twoOrigins() {
        let head = fields(["Origin": "https://a.example", "origin": "https://a.example"])
        #expect(throws: Refusal.self) {
            try OriginRule(.listed(["https://a.example"])).check(
                head, authority: Authority("a.example"), isTLS: true)
        }
    }
}
