import HTTP
import Testing

@testable import Console

@Suite struct RouterTests {
    private static func endpoint(_ method: Method, _ path: PathTemplate) -> ConsoleEndpoint {
        ConsoleEndpoint(
            method: method, path: path, name: method.name + path.text, summary: "",
            captures: path.captureNames.map { .init($0, .text(upTo: 9), "") }, answers: []
        ) { _, _ in }
    }

    private let router = Router([
        endpoint(.get, "/a/{one}/{two}"), endpoint(.get, "/a/{x}/c"), endpoint(.get, "/a/b/{y}"),
        endpoint(.get, "/a/b/c"), endpoint(.put, "/a/{id}/c"), endpoint(.get, "/"),
        endpoint(.post, "/only"),
    ])

    /// The name of what was found and what was captured, or the methods there are.
    private func find(_ method: Method, _ path: String) -> String {
        switch router.find(method, path) {
        case .found(let endpoint, let captured):
            ([endpoint.name] + captured.map(String.init)).joined(separator: " ")
        case .otherMethods(let names): names.joined(separator: ", ")
        case .nothing: "nothing"
        }
    }

    @Test(
        arguments: [
            (Method.get, "/a/b/c", "GET/a/b/c"), (.head, "/a/b/c", "GET/a/b/c"),
            (.get, "/a/b/d", "GET/a/b/{y} d"), (.get, "/a/d/c", "GET/a/{x}/c d"),
            (.get, "/a/d/e", "GET/a/{one}/{two} d e"), (.put, "/a/b/c", "PUT/a/{id}/c b"),
            (.get, "/a/%41/%2F", "GET/a/{one}/{two} %41 %2F"), (.get, "/", "GET/"),
            (.post, "/a/b/c", "GET, HEAD, PUT"), (.post, "/a/d/e", "GET, HEAD"),
            (.get, "/only", "POST"), (.head, "/only", "POST"), (.other("get"), "/", "GET, HEAD"),
            (.options, "/only", "POST"), (.get, "/a/b/c/", "nothing"), (.get, "/a//c", "nothing"),
            (.get, "/a/b", "nothing"), (.get, "", "nothing"), (.options, "*", "nothing"),
            (.get, "/A/b/c", "nothing"), (.get, "/only/", "nothing"),
        ])
    func `the most exact path with the method counts`(
        method: Method, path: String, expected: String
    ) {
        #expect(find(method, path) == expected)
    }

    @Test func `every endpoint of the console is found`() {
        let endpoints = TestBackend().endpoints
        let router = Router(endpoints)
        for endpoint in endpoints {
            guard case .found(let found, _) = router.find(endpoint.method, endpoint.path.text)
            else {
                Issue.record("\(endpoint.name) is not found")
                continue
            }
            #expect(found.name == endpoint.name)
        }
        #expect(endpoints.count >= 6)
    }
}
