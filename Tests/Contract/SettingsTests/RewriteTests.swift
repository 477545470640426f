import Settings
import Testing

@Suite("Rewrites")
struct RewriteTests {
    @Test("Rewrites keep their order, captures and rules") func rewrites() throws {
        let text = """
            rewrite /ws/journey/{user_id} to /ws/journey {
                require claim:user_id == path:user_id
                header X-Legacy-Id {user_id}
            }
            rewrite /old/ to /new { redirect }
            rewrite /a/{x}/{y} to /b/{y}/{x}
            """
        let rewrites = try #require(read(prelude + text).settings).rewrites
        #expect(rewrites.count == 3)
        #expect(
            rewrites[0].from.pattern
                == PathPattern(
                    segments: [.literal("ws"), .literal("journey"), .capture("user_id")],
                    hasTrailingSlash: false))
        #expect(rewrites[0].to == Template(parts: [.text("/ws/journey")]))
        #expect(
            rewrites[0].require == [
                .equal(.source(.claim("user_id")), .source(.path("user_id")))
            ])
        #expect(
            rewrites[0].headers == [
                .init(name: "X-Legacy-Id", value: .init(parts: [.placeholder("user_id")]))
            ])
        #expect(rewrites.map(\.redirects) == [false, true, false])
        #expect(
            rewrites[2].to
                == Template(parts: [
                    .text("/b/"), .placeholder("y"), .text("/"), .placeholder("x"),
                ]))
        #expect(rewrites[2].position == .init(file: "gateway.conf", line: 7, column: 1))
    }
}

extension RewriteSettings.Source {
    var pattern: PathPattern? { if case .path(let pattern) = self { pattern } else { nil } }
}
