import Settings
import Testing

@Suite("Where people sign in")
struct LoginTests {
    private static let form =
        "write where to sign in as a path (/login?next={request.target}) or as a whole URL"
        + " (https://login.example.kr/?next={request.target}): placeholders come after the host"

    static let mistakes: [Mistake] =
        [
            "login", "//evil.kr/", "{request.target}", "https://{request.host}/login",
            "https://sso.kr{request.target}", "https://", "https:///x", "https://a@b.kr/",
            "javascript:alert(1)", "ftp://a.kr/", "?next={request.path}",
        ].map { .init(.route, "auth app; login \($0)", "17: \(form)") } + [
            .init(.route, "auth app; login \"\"", "17: \(form)"),
            .init(.route, "auth app; login \"/a b\"", "17: a location must not contain spaces"),
            .init(
                .route, "auth app; login /{nobody}",
                "18: no placeholder '{nobody}' here (known: {client.address} {request.id}"
                    + " {request.method} {request.scheme} {request.host} {request.path}"
                    + " {request.target} {auth.user} {auth.role} {id})"),
            .init(
                .route, "login /in",
                "1: 'login' needs 'auth NAME': without it, every client is let in"),
            .init(
                .route, "auth app; websocket; login /in",
                "22: 'login' is for pages, but there are none on a route with 'websocket'"),
            .init(
                .route, "auth app; events; login /in",
                "19: 'login' is for pages, but there are none on a route with 'events'"),
            .init(
                .route, "auth app; stream; login /in",
                "19: 'login' is for pages, but there are none on a route with 'stream'"),
            .init(
                .route, "auth app; login /a; login /b",
                "21: 'login' is set twice (first set at line 3)"),
        ]

    @Test("Lines about it that make no sense", arguments: mistakes)
    func refusing(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("It comes from 'defaults' to where it is of use") func inheriting() throws {
        let text = """
            defaults { backend app; auth app; login https://sso.kr/?to={request.target} }
            route /a { }
            route /b { login off }
            route /c { auth off }
            route /d { websocket }
            route /e { events }
            route /f/{id} { login /in/{id} }
            """
        let result = read(prelude + text)
        #expect(result.diagnostics.isEmpty)
        let logins = try #require(result.settings).routes.dropFirst().map(\.login)
        let usual = RouteSettings.Login(
            location: Template(parts: [
                .text("https://sso.kr/?to="), .placeholder("request.target"),
            ]), position: .init(file: "gateway.conf", line: 2, column: 41))
        let own = RouteSettings.Login(
            location: Template(parts: [.text("/in/"), .placeholder("id")]),
            position: .init(file: "gateway.conf", line: 8, column: 23))
        #expect(logins == [usual, nil, nil, nil, nil, own])
    }

    @Test("Where nobody is refused, nobody is sent there") func reporting() {
        let text = prelude + "route /x { report_only auth app; login /in; backend app }"
        #expect(
            complaints(text).contains(
                "2:34: warning: with 'report_only auth' no client is refused, so none is sent"))
    }
}
