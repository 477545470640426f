import Peers
import Settings
import Testing
import Transport

@testable import Console

/// Clients of other people's.
@Suite struct ForeignClientTests {
    private func curl(_ console: TestConsole, _ arguments: [String]) throws -> String {
        try ChildProcess.run(
            ["curl", "-sS", "--max-time", "20", "-H", "Authorization: Bearer \(token)"]
                + arguments)
    }

    private func url(_ console: TestConsole, _ target: String) -> String {
        "http://\(console.address.text)\(target)"
    }

    @Test func `curl asks twice on one connection`() throws {
        let console = try TestConsole()
        let output = try curl(
            console,
            [
                "-w", " %{http_code} %{num_connects}\\n", url(console, "/things?limit=1"),
                url(console, "/things?tag=a&limit=2"),
            ])
        #expect(
            output == """
                {"limit":1} 200 1
                {"tag":["a"],"limit":2} 200 0

                """)
    }

    @Test func `curl waits for leave to send a large body, and may send it in chunks`() throws {
        let console = try TestConsole()
        let folder = try TemporaryFolder()
        let text = "\"" + String(repeating: "x", count: 200_000) + "\""
        let file = try folder.write(Array(text.utf8), to: "body.json")
        for field in ["Expect: 100-continue", "Transfer-Encoding: chunked"] {
            let output = try curl(
                console,
                [
                    "-H", field, "-H", "Content-Type: application/json", "--data-binary",
                    "@" + file, url(console, "/echo"),
                ])
            #expect(output == text)
        }
    }

    @Test func `curl reads the head of an answer, and problems`() throws {
        let console = try TestConsole()
        let head = try curl(console, ["-I", url(console, "/things")])
        #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(head.contains("Content-Length: 11\r\n"))
        let problem = try curl(
            console, ["-o", "/dev/null", "-w", "%{http_code} %{content_type}", url(console, "/x")])
        #expect(problem == "404 application/problem+json")
    }

    @Test func `curl comes over a Unix domain socket`() throws {
        let folder = try TemporaryFolder()
        let console = try TestConsole()
        let path = folder.path("console")
        try console.reload(settings(.unix(path: path)))
        let output = try curl(console, ["--unix-socket", path, "http://x/things?limit=7"])
        #expect(output == #"{"limit":7}"#)
    }

    @Test func `a client in Python reads every kind of answer`() throws {
        let console = try TestConsole()
        let program = """
            import http.client
            connection = http.client.HTTPConnection("\(console.address.text)", timeout=20)
            head = {"Authorization": "Bearer \(token)", "Content-Type": "application/json"}
            for method, target, body in [
                ("GET", "/things", None), ("HEAD", "/things", None), ("POST", "/echo", "[1]"),
                ("DELETE", "/things/x", None), ("GET", "/nothing", None), ("GET", "/later", None),
            ]:
                connection.request(method, target, body, head)
                answer = connection.getresponse()
                print(answer.status, len(answer.read()), connection.sock is not None)
            """
        let output = try ChildProcess.run(["python3", "-c", program])
        let lines = output.split(separator: "\n").map(String.init)
        #expect(
            lines.map { $0.split(separator: " ").map(String.init)[0] }
                == ["200", "200", "200", "204", "404", "200"])
        #expect(lines.allSatisfy { $0.hasSuffix("True") })
        #expect(lines[1].hasPrefix("200 0 ") && lines[3].hasPrefix("204 0 "))
    }
}
