import Settings
import Testing

@Suite("Deploy/gateway-conf.md")
struct ReferenceTests {
    /// The text under each heading that names a block.
    private static func sections() throws -> [String: String] {
        let path = repository + "/Deploy/gateway-conf.md"
        let octets = try SystemConfigurationFiles().read(path, limit: 1 << 20)
        var sections: [String: String] = [:]
        var current = ""
        for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") {
            if line.hasPrefix("## ") {
                current = String(line.dropFirst(3).prefix { $0 != " " }.filter { $0 != "`" })
            }
            sections[current, default: ""] += line + "\n"
        }
        return sections
    }

    @Test("Every word is described where it stands, with the arguments it takes")
    func everyWord() throws {
        let sections = try Self.sections()
        for (place, entries) in Grammar.catalogue {
            let title = place == .top ? "Top" : place.rawValue
            let section = try #require(sections[title], "no section for '\(title)'")
            for entry in entries {
                let line = entry.synopsis.isEmpty ? entry.name : "\(entry.name) \(entry.synopsis)"
                // A table separates its cells with the same bar.
                let row = "| `" + line.replacing("|", with: "\\|") + "` |"
                #expect(section.contains(row), "'\(title)' lacks a row that begins with \(row)")
            }
        }
    }

    @Test("Nothing is described that does not exist") func nothingElse() throws {
        let known = Grammar.catalogue.reduce(into: [:]) { known, part in
            known[part.place == .top ? "Top" : part.place.rawValue] = Set(part.entries.map(\.name))
        }
        for (title, section) in try Self.sections() {
            guard let words = known[title] else { continue }
            for line in section.split(separator: "\n") where line.hasPrefix("| `") {
                let word = String(line.dropFirst(3).prefix { $0 != " " && $0 != "`" })
                #expect(
                    words.contains(word), "'\(word)' under '\(title)' is no word of the language")
            }
        }
    }

    /// The row's own example, in a block of its kind; what it needs beside it is not its mistake.
    @Test("The example of every row is right") func rows() throws {
        let blocks = [
            "Top": "", "log": "log {", "limits": "limits {", "resolver": "resolver {",
            "backend.tls": "backend b { server 127.0.0.1:1; tls {",
            "listen": "listen 127.0.0.1:2 {",
            "tls": "listen 127.0.0.1:2 { tls {", "host": "listen 127.0.0.1:2 { host a.kr {",
            "console": "console 127.0.0.1:3 {", "state": "state /var/lib/gateway {",
            "jwt": "jwt j {",
            "jwks": "jwt j { jwks https://h.kr/ {", "backend": "backend b {",
            "sessions": "sessions t {",
            "store": "sessions t { store 1 {", "rewrite": "rewrite /old/{user_id} to /new {",
            "cors": "route /x/{user_id} { cors https://a.kr {",
            "socketio": "route /x/{user_id} { socketio {",
            "defaults": "defaults {", "route": "route /x/{user_id} {",
        ]
        var count = 0
        for (title, section) in try Self.sections() {
            guard let opening = blocks[title] else { continue }
            for row in section.split(separator: "\n") where row.hasPrefix("| `") {
                count += 1
                let example = try #require(row.dropLast(3).split(separator: "| `").last)
                let closing = String(repeating: "}", count: opening.filter { $0 == "{" }.count)
                let captures = opening.contains("{user_id}") ? 1 : 0
                let text = prelude + opening + "\n\(example)\n" + closing.dropLast(captures)
                let wrong = read(text).diagnostics.filter {
                    $0.severity == .error && $0.position.line == 3
                        && !$0.message.contains("beside it")
                        && !$0.message.contains("needs 'auth NAME'")
                        && !$0.message.contains("needs 'trust CIDR…'")
                        && !$0.message.contains("a route has one of")
                        && !$0.message.hasPrefix("cannot read 'conf.d/")
                }
                #expect(wrong.map { $0.rendered() } == [], "\(row)")
            }
        }
        #expect(count == Grammar.catalogue.reduce(0) { $0 + $1.entries.count })
    }

    @Test("The examples read without errors") func examples() throws {
        let path = repository + "/Deploy/gateway-conf.md"
        let octets = try SystemConfigurationFiles().read(path, limit: 1 << 20)
        let parts = String(decoding: octets, as: UTF8.self).components(between: "```conf\n", "```")
        #expect(parts.count >= 10)
        for part in parts {
            let errors = read(prelude + part).diagnostics.filter { $0.severity == .error }
            #expect(errors.map { $0.rendered() } == [])
        }
    }

    @Test("The examples of the page about tokens read without errors") func tokenExamples() throws {
        let path = repository + "/Deploy/tokens.md"
        let octets = try SystemConfigurationFiles().read(path, limit: 1 << 20)
        let parts = String(decoding: octets, as: UTF8.self).components(between: "```conf\n", "```")
        #expect(parts.count >= 6)
        for part in parts {
            let app = "jwt app { algorithms HS256; secret env:JWT_SECRET } "
            let errors = read(
                "listen 127.0.0.1:1; backend app { server 127.0.0.1:8000 }"
                    + " backend lab { server 127.0.0.1:8001 } "
                    + (part.contains("jwt app") ? "" : app) + part
            ).diagnostics.filter { $0.severity == .error }
            #expect(errors.map { $0.rendered() } == [])
        }
    }

    @Test("Every part of 'compress' is described") func compression() throws {
        let section = try #require(try Self.sections()["Compression"])
        let route = Grammar.catalogue.first { $0.place == .route }?.entries ?? []
        let entry = try #require(route.first { $0.name == "compress" })
        let parts = entry.synopsis.split(separator: "[").map { $0.prefix { $0 != "]" } }
        #expect(parts.count == 8)
        for part in parts {
            #expect(section.contains("| `\(String(part).replacing("|", with: "\\|"))` |"))
        }
    }

    @Test("Every placeholder is described") func placeholders() throws {
        let text = try Self.sections().values.joined()
        for placeholder in Placeholder.allCases {
            #expect(text.contains("| `{\(placeholder.rawValue)}` |"))
        }
    }
}

extension String {
    /// The texts between `open` and the next `close`.
    fileprivate func components(between open: String, _ close: String) -> [Substring] {
        var found: [Substring] = []
        var rest = self[...]
        while let start = rest.firstRange(of: open)?.upperBound {
            rest = rest[start...]
            guard let end = rest.firstRange(of: close)?.lowerBound else { break }
            found.append(rest[..<end])
            rest = rest[end...].dropFirst(close.count)
        }
        return found
    }
}
