import HTTP
import Randomness
import Routing
import Settings
import Testing

/// A template as the configuration writes it.
private func template(_ text: String) -> Template {
    var parts: [Template.Part] = []
    for (index, piece) in text.split(separator: "{", omittingEmptySubsequences: false).enumerated()
    {
        let halves = piece.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
        if index > 0 { parts.append(.placeholder(String(halves[0]))) }
        if let rest = halves.last, !rest.isEmpty, index == 0 || halves.count > 1 {
            parts.append(.text(String(rest)))
        }
    }
    return Template(parts: parts)
}

private func expand(
    _ text: String, _ value: String = "", origin: String? = "a.example:81", isTLS: Bool = true
) -> String? {
    let authority = origin.flatMap { Authority($0) }
    return Location.expand(template(text), from: authority, isTLS: isTLS) { name, leaves in
        switch name {
        case "host": .authority(authority)
        case "path": .path("/p")
        case "target": .target(NormalisedTarget(path: "/p", query: leaves ? "b" : "t=s&b"))
        case "star": .target(NormalisedTarget(path: "*"))
        case "scheme": .scheme(isTLS ? "https" : "http")
        default: .text(value)
        }
    }
}

@Suite("Locations of redirects")
struct LocationTests {
    static let fitting: [(String, String, String)] = [
        // In the host: labels.
        ("https://{x}/a", "good.example", "https://good.example/a"),
        ("https://{x}.example/a", "a_b-1", "https://a_b-1.example/a"),
        ("//{x}.example", "a", "//a.example"), ("https://h:{x}/", "8443", "https://h:8443/"),
        ("https://{host}{path}", "", "https://a.example:81/p"),
        ("{scheme}://{host}/a", "", "https://a.example:81/a"),
        // In the path and behind it: escaped.
        ("/a/{x}/b", "x y/..?#%", "/a/x%20y%2F..%3F%23%25/b"), ("/{x}", "가", "/%EA%B0%80"),
        ("https://h/{x}", "@evil", "https://h/%40evil"), ("/{host}/", "", "/a.example%3A81/"),
        ("/a?b={x}", "/c&d=+", "/a?b=/c%26d%3D%2B"), ("/a#{x}", "b c", "/a#b%20c"),
        ("/a{path}", "", "/a/p"),
        // At the beginning: no scheme and no host.
        ("{x}", "javascript:alert(1)", "javascript%3Aalert%281%29"), ("{x}/a", "", "/a"),
        ("/{x}/evil.example", "", "/evil.example"), ("/{x}{x}/e", "", "/e"),
        ("{x}//evil.example", "", "/evil.example"), ("/{path}", "", "/p"),
        // What the operator writes alone is his.
        ("myapp:call", "", "myapp:call"), ("app:///x/{x}", "1", "app:///x/1"),
        ("https://u@h/{x}", "1", "https://u@h/1"), ("", "", ""), ("new?a", "", "new?a"),
    ]

    @Test("keep a value in its component", arguments: fitting)
    func fits(text: String, value: String, location: String) {
        #expect(expand(text, value) == location)
    }

    static let unfit: [(String, String)] = [
        ("https://{x}/a", "evil.com?"), ("https://{x}/a", "evil.com#"), ("https://{x}/a", "u@evil"),
        ("https://{x}/a", ""), ("https://{x}/a", "a/b"), ("https://{x}/a", "a\\b"),
        ("https://{x}/a", "a:80"), ("https://{x}/a", "a b"), ("https://{x}/a", "."),
        ("https://{x}/a", "a..b"), ("https://{x}/a", "a."), ("https://{x}/a", "-a"),
        ("https://{x}/a", "가"), ("https://{x}/a", "[::1]"), ("https://{x}/a", "a\r\nb"),
        ("https://{x}.h/a", ""), ("https://h:{x}/", "x"), ("https://h:{x}/", "65536"),
        ("https://h:{x}/", "80@evil"), ("https://h{star}", ""), ("//{x}/a", "evil?"),
        ("{x}://h/", "javascript"), ("{x}:h", "data"), ("{scheme}://{x}/", "e?"),
    ]

    @Test("refuse a value that would get out of it", arguments: unfit)
    func refuses(text: String, value: String) { #expect(expand(text, value) == nil) }

    @Test("need a host where they name the request's")
    func noHost() {
        #expect(expand("https://{host}/a", origin: nil) == nil)
        #expect(expand("/a?{host}", origin: nil) == "/a?")
        #expect(expand("https://h/a", origin: nil) == "https://h/a")
    }

    static let secrets: [(String, String?, Bool, String)] = [
        ("{target}", "a.example", true, "/p?t=s&b"), ("/x{target}", nil, true, "/x/p?t=s&b"),
        ("https://{host}{target}", "a.example", true, "https://a.example/p?t=s&b"),
        ("https://A.Example.:9{target}", "a.example:1", true, "https://A.Example.:9/p?t=s&b"),
        ("https://b.example{target}", "a.example", true, "https://b.example/p?b"),
        ("//b.example{target}", "a.example", true, "//b.example/p?b"),
        ("https://a.example.evil{target}", "a.example", true, "https://a.example.evil/p?b"),
        ("https://u@a.example{target}", "a.example", true, "https://u@a.example/p?b"),
        ("https://a.example{target}", nil, true, "https://a.example/p?b"),
        ("HTTP://a.example{target}", "a.example", true, "HTTP://a.example/p?b"),
        ("http://a.example{target}", "a.example", false, "http://a.example/p?t=s&b"),
        ("https://b.example/?n={target}", "a.example", true, "https://b.example/?n=/p%3Fb"),
        ("/login?n={target}", "a.example", true, "/login?n=/p%3Ft%3Ds%26b"),
    ]

    @Test("say whether they leave the host that was asked", arguments: secrets)
    func leaves(text: String, origin: String?, isTLS: Bool, location: String) {
        #expect(expand(text, origin: origin, isTLS: isTLS) == location)
    }

    @Test("of random values never lead to another host")
    func random() {
        var dice = SeededGenerator(seed: Fuzzing.seed(default: 47))
        let pieces = [
            "evil.com", "/", "//", "\\", "?", "#", "@", ":", "80", "%2f", "%00", "\n", "..", ".",
            "-", "[", "]", "javascript:", "https://", "", " ", "가",
        ]
        for _ in 0..<Fuzzing.iterations(default: 2000) {
            let value = dice.elements(0...4, of: pieces).joined()
            for text in ["/{x}", "/{x}/y", "{x}", "{x}/y", "/a?{x}", "/a#{x}", "{x}{x}//{x}"] {
                guard let location = expand(text, value) else { continue }
                #expect(!location.hasPrefix("//") && !location.contains("\\"), "\(value)")
                #expect(!location.prefix { $0 != "/" && $0 != "?" }.contains(":"), "\(value)")
                #expect(location.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(value)")
            }
            if let location = expand("https://{x}.example.kr/", value) {
                #expect(location.hasSuffix(".example.kr/"))
                #expect(Authority(String(location.dropFirst(8).dropLast()))?.port == nil)
            }
        }
    }
}
