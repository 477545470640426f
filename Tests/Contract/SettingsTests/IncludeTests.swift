import Settings
import Testing

@Suite("Files in files")
struct IncludeTests {
    @Test("A pattern includes files by name, in place, with paths of their own")
    func pattern() throws {
        let desk = Desk.usual
            .with("conf.d/b.conf", "route /b { respond 200 }\n")
            .with("conf.d/a.conf", "listen 127.0.0.1:2 { tls { certificate a.pem; key a.key } }\n")
            .with("conf.d/a.pem", "").with("conf.d/a.key", "").with("conf.d/c.conf.off", "nonsense")
        let result = read(prelude + "include conf.d/*.conf\nroute /c { respond 200 }", at: desk)
        let settings = try #require(result.settings)
        #expect(result.files == ["gateway.conf", "conf.d/a.conf", "conf.d/b.conf"])
        #expect(
            settings.listeners[1].tls?.certificate
                == .files(chain: "conf.d/a.pem", key: "conf.d/a.key"))
        #expect(
            settings.routes.map(\.position.file) == [
                "gateway.conf", "conf.d/b.conf", "gateway.conf",
            ])
        #expect(settings.routes[1].position == .init(file: "conf.d/b.conf", line: 1, column: 1))
    }

    @Test("Absolute paths stay, others are joined to the directory of the main file")
    func directories() throws {
        var desk = Desk(variables: ["JWT_SECRET": Desk.secret])
        desk = desk.with("/etc/gateway/gateway.conf", prelude + "include parts/x.conf\n")
            .with("/etc/gateway/parts/x.conf", "log { access json ../x.log }\ninclude /etc/y.conf")
            .with("/etc/y.conf", "backend y { server unix:y.sock }\nroute /y { backend y }")
        let result = SettingsReader(files: desk).read("/etc/gateway/gateway.conf")
        let settings = try #require(result.settings)
        #expect(settings.log.access == .file("/etc/gateway/parts/../x.log"))
        #expect(settings.backends[1].servers[0].place == .address(.unix(path: "/etc/y.sock")))
    }

    @Test("Blocks may include, too") func inside() throws {
        let desk = Desk.usual.with("headers.conf", "header A 1; header B 2")
        let text = prelude + "route /x {\ninclude headers.conf\nbackend app }"
        let settings = try #require(read(text, at: desk).settings)
        #expect(settings.routes[1].headers.map(\.name) == ["A", "B"])
    }

    @Test("Diagnostics name the file, and the other file where that matters")
    func otherFile() {
        let desk = Desk.usual.with("x.conf", "\n  backend app { server 127.0.0.1:1 }\nworkers 1")
        let text = prelude + "workers 2\ninclude x.conf\n"
        #expect(
            rendered(text, at: desk) == """
                x.conf:2:11: error: backend 'app' is defined twice (first at gateway.conf:1)
                    2 |   backend app { server 127.0.0.1:1 }
                      |           ^~~
                x.conf:3:1: error: 'workers' is set twice (first set at gateway.conf:2)
                    3 | workers 1
                      | ^~~~~~~
                """)
    }

    @Test("A path must be there, a pattern may match nothing") func missing() {
        #expect(complaints(prelude + "include nothing/*.conf") == "")
        #expect(
            complaints(prelude + "include nothing.conf")
                == "2:9: error: cannot read 'nothing.conf': no such file")
        let long = String(repeating: " ", count: 1024 * 1024 + 1)
        #expect(
            complaints(prelude + "include long.conf", at: .usual.with("long.conf", long))
                == "2:9: error: cannot read 'long.conf': larger than 1m")
    }

    @Test(
        "include takes one path",
        arguments: ["include", "include a b", "include a { }", "include \"\""])
    func arguments(text: String) {
        #expect(
            complaints(prelude + text)
                == "2:1: error: 'include' takes one path or pattern: include GLOB")
    }

    @Test("A file that includes itself is found out, also on a detour") func cycle() {
        let desk = Desk.usual.with("a.conf", "include ./b.conf").with("b.conf", "include a.conf")
        let said = complaints(
            prelude + "include a.conf", at: desk.with("./b.conf", "include a.conf"))
        #expect(
            said == "./b.conf:1:9: error: this file includes itself: a.conf -> b.conf -> a.conf")
    }

    @Test("Depth and number are limited") func limits() {
        var desk = Desk.usual
        for depth in 1...9 {
            desk = desk.with("\(depth).conf", depth == 9 ? "" : "include \(depth + 1).conf")
        }
        #expect(
            complaints(prelude + "include 1.conf", at: desk)
                == "8.conf:1:9: error: files are included more than 8 levels deep")
        #expect(complaints(prelude + "include 2.conf", at: desk) == "")
        let many = String(repeating: "include 9.conf\n", count: 300)
        #expect(
            complaints(prelude + many, at: desk).split(separator: "\n").first
                == "201:9: error: more than 200 files are included")
    }
}
