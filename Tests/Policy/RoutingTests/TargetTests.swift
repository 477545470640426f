import Endings
import Randomness
import Routing
import Testing

@Suite("Normal targets")
struct TargetTests {
    private func normalise(_ target: String) throws(Refusal) -> NormalisedTarget {
        try Target.normalise(target.utf8.span)
    }

    static let paths: [(String, String)] = [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b", "/a/b"),
        // Empty segments.
        ("//", "/"), ("//a", "/a"), ("/a//b", "/a/b"), ("/a///", "/a/"), ("///a//b//", "/a/b/"),
        // Escapes.
        ("/%61dmin", "/admin"), ("/%41%7e%2D%2e_", "/A~-._"), ("/%ea%b0%80", "/%EA%B0%80"),
        ("/a%20b", "/a%20b"), ("/%25%32%35", "/%2525"), ("/%2561", "/%2561"), ("/a%3fb", "/a%3Fb"),
        ("/%40", "/%40"), ("/@:!$&'()*+,;=", "/@:!$&'()*+,;="), ("/a;x=..", "/a;x=.."),
        ("/\"<>^`{|}", "/%22%3C%3E%5E%60%7B%7C%7D"),
        // Dot segments.
        ("/.", "/"), ("/./", "/"), ("/a/.", "/a/"), ("/a/./b", "/a/b"), ("/a/..", "/"),
        ("/a/../b", "/b"), ("/a/b/../..", "/"), ("/a/b/../../c/", "/c/"), ("/a/%2e%2E/b", "/b"),
        ("/a/.%2e/b", "/b"), ("/a/%2e/b", "/a/b"), ("/a//../b", "/b"), ("/...", "/..."),
        ("/a/..b", "/a/..b"), ("/a/.b/", "/a/.b/"), ("/a/b/..", "/a/"),
        ("/a/..%3b/b", "/a/..%3B/b"),
        // Parameters.
        ("/;jsessionid=AB12", "/;jsessionid=AB12"), ("/app/;v=1/b", "/app/;v=1/b"), ("/;", "/;"),
        ("/;/a", "/;/a"), ("/a;v=1/../b", "/b"), ("/;..", "/;.."), ("/a/;/../b", "/a/b"),
    ]

    @Test("have one spelling for a path, and keep it", arguments: paths)
    func path(target: String, path: String) throws {
        let normal = try normalise(target)
        #expect(normal.path == path && normal.query == nil)
        #expect(normal.spelling == (target == path ? nil : target))
        let again = try normalise(path)
        #expect(again.path == path && again.spelling == nil)
    }

    static let refused = [
        "", "a", "?a", "/%", "/%4", "/%4g", "/%g4", "/a%2fb", "/a%2Fb", "/..%2f", "/..%2F..%2Fetc",
        "/a\\b", "/a%5cb", "/..%5C", "/%00", "/a%00b", "/%0d%0aX", "/%1f", "/%7F", "/\u{0}",
        "/\u{7F}", "/..", "/../", "/../a", "/a/../..", "/a/../../b", "/./..", "/%2e%2e",
        "/a/%2e%2e/%2e%2e", "//..", "/a#b", "/a?b#c", "#", "/a/..;/b", "/a/.;x=y/b", "/%2e%2e;/b",
        "/...;/a", "/a? ", "/a?\u{0}", "/a?\u{E9}", "http://", "http:///a", "http://u@a/",
        "http://a\\b/",
        "http://a/..", "http://a/%2f", "**",
    ]

    @Test("refuse what could be read in two ways", arguments: refused)
    func refuses(target: String) {
        do throws(Refusal) {
            let path = try normalise(target).path
            Issue.record("normalised to \(path)")
        } catch {
            #expect(error.reason == .protocolError)
            #expect(error.status == 400)
            #expect(error.message.hasSuffix("."))
        }
    }

    /// As most servers read a path: split at slashes, decoded, dot segments resolved.
    private func resolved(_ path: Substring) -> [String]? {
        var segments: [String] = []
        for segment in path.split(separator: "/") {
            var octets: [UInt8] = []
            var rest = Array(segment.utf8)[...]
            while let octet = rest.popFirst() {
                guard octet == UInt8(ascii: "%") else {
                    octets.append(octet)
                    continue
                }
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                guard let value = UInt8(digits, radix: 16) else { return nil }
                octets.append(value)
                rest = rest.dropFirst(2)
            }
            switch String(decoding: octets, as: UTF8.self) {
            case ".": break
            case "..": if segments.popLast() == nil { return nil }
            case let name: segments.append(name)
            }
        }
        return segments
    }

    @Test("of random octets have one spelling, which means what was sent")
    func random() throws {
        var dice = SeededGenerator(seed: Fuzzing.seed(default: 49))
        let pieces = [
            "/", "/", "/", "//", "a", "B", ".", "..", "%2e", "%2E%2e", "%2f", "%5c", "\\", ";",
            "%3B", "?", "#", "%", "%4", "%41", "%00", "%zz", " ", "\t", "가", "%EA%B0%80", "*",
            "@", ":", "http://a.b", "x=1", "&",
        ]
        var accepted = 0
        let rounds = Fuzzing.iterations(default: 4000)
        for _ in 0..<rounds {
            let text = "/" + dice.elements(0...8, of: pieces).joined()
            guard let target = try? normalise(text) else { continue }
            accepted += 1
            let again = try normalise(target.text)
            #expect(again.path == target.path && again.query == target.query, "\(text)")
            let path = target.path
            #expect(path.hasPrefix("/") && !path.contains("//"), "\(text)")
            #expect(path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(text)")
            let names = path.split(separator: "/")
            #expect(!names.contains(".") && !names.contains(".."), "\(text)")
            let sent = text.prefix { $0 != "?" }
            #expect(resolved(path[...]) == resolved(sent), "\(text)")
            let query = text.firstIndex(of: "?").map { String(text[$0...].dropFirst()) }
            #expect(target.query == query)
        }
        #expect(accepted > rounds / 10 && accepted < rounds)
    }

    @Test("of random octets are taken as they are only where the long way leads to the same")
    func takenAsItIs() throws {
        var dice = SeededGenerator(seed: Fuzzing.seed(default: 50))
        let pieces = [
            "/", "a", "B", "~", "-", ".", "..", "%41", "%2f", ";", "\\", "?x", "@", "!", "(", "\"",
            "|", "\u{7F}", " ", "가",
        ]
        for _ in 0..<Fuzzing.iterations(default: 4000) {
            let rest = dice.elements(0...6, of: pieces).joined()
            // An escape that needs none leads the long way round.
            let long = try? Target.normalise("/%61\(rest)".utf8.span, escapedSlashes: .kept)
            let short = try? Target.normalise("/a\(rest)".utf8.span, escapedSlashes: .kept)
            #expect(short?.path == long?.path && short?.query == long?.query, "\(rest)")
            #expect(
                short?.oddities.union(.needlessEscapes) == long?.oddities
                    || short == nil && long == nil, "\(rest)")
        }
    }

    @Test("keep the query as it was sent")
    func query() throws {
        let target = try normalise("/%61?x=%2f..%2F&y=%zz?&%74=\\")
        #expect(target.path == "/a")
        #expect(target.query == "x=%2f..%2F&y=%zz?&%74=\\")
        #expect(target.text == "/a?x=%2f..%2F&y=%zz?&%74=\\")
        #expect(try normalise("/a?").query == "")
        #expect(try normalise("/a").query == nil)
    }

    static let absolutes: [(String, NormalisedTarget)] = [
        ("http://a", .init(path: "/")),
        ("HTTP://A.b:80/", .init(path: "/")),
        ("https://[::1]:1/x/../y", .init(path: "/y")),
        ("http://a?q", .init(path: "/", query: "q")),
        ("http://a//b?", .init(path: "/b", query: "")),
    ]

    @Test("have no host in them when they are absolute", arguments: absolutes)
    func absolute(target: String, normal: NormalisedTarget) throws {
        let target = try normalise(target)
        #expect(target.path == normal.path && target.query == normal.query)
    }

    static let kept: [(String, String, PathOddities)] = [
        ("/a%2fb", "/a%2Fb", .escapedSlash), ("/a%5cb", "/a%5Cb", .escapedBackslash),
        ("/%2F/%5C", "/%2F/%5C", [.escapedSlash, .escapedBackslash]),
        ("/a//b", "/a/b", .emptySegments), ("/a//", "/a/", .emptySegments), ("/a/", "/a/", []),
        ("/a/../b", "/b", .dotSegments), ("/%41", "/A", .needlessEscapes), ("/%40", "/%40", []),
        ("/a;b", "/a;b", .parameters), ("/a%3bb", "/a%3Bb", .escapedSemicolon),
        ("/%2e/a", "/a", [.dotSegments, .needlessEscapes]),
    ]

    @Test("say what some read otherwise, escaped slashes among it", arguments: kept)
    func oddities(target: String, path: String, oddities: PathOddities) throws {
        let normal = try Target.normalise(target.utf8.span, escapedSlashes: .kept)
        #expect(normal.path == path && normal.oddities == oddities)
    }

    @Test("an asterisk stays one")
    func asterisk() throws {
        #expect(try normalise("*") == NormalisedTarget(path: "*"))
    }
}
