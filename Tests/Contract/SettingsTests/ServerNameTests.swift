import Settings
import Testing

@Suite("Servers by name, resolver, TLS to servers")
struct ServerNameTests {
    static let mistakes: [Mistake] = [
        // Names.
        .init(
            .backend, "server app.internal",
            "8: expected ADDRESS:PORT, [IPV6]:PORT or"
                + " unix:PATH, not 'app.internal'"),
        .init(
            .backend, "server app.internal:", "20: expected a port from 1 to 65535, not ''"),
        .init(.backend, "server app.internal:0", "21: expected a port from 1 to 65535, not '0'"),
        .init(
            .backend, "server app..internal:80", "8: 'app..internal' is not a host name"),
        .init(.backend, "server -app.internal:80", "8: '-app.internal' is not a host name"),
        .init(
            .backend, "server " + String(repeating: "a", count: 64) + ":80",
            "8: '" + String(repeating: "a", count: 64) + "' is not a host name"),
        .init(.backend, "server srv:", "8: '' is not a host name"),
        .init(
            .backend, "server srv:_ws._tcp.app:80",
            "8: the records of a service say the ports: write srv:NAME without a port"),
        .init(
            .backend, "server srv:_ws._tcp.app weight=2",
            "25: the records of a service say the weight of every server"),
        .init(
            .backend, "server 127.0.0.1:80 must_resolve",
            "21: '127.0.0.1:80' has no name that could be resolved"),
        .init(
            .backend, "server app.internal:80 must_reslove",
            "24: expected weight=N, max_connections=N, backup, down or must_resolve, not"
                + " 'must_reslove' (did you mean 'must_resolve'?)"),
        .init(
            .backend, "server app.internal:80; server APP.internal:80",
            "32: 'APP.internal:80' is already a server of this group"),
        .init(
            .top, "resolver",
            "1: 'resolver' needs the address of a name server, or a block"
                + " (expected: resolver [ADDRESS…] { … })"),
        // TLS to servers.
        .init(
            .backend, "tls { certificate tls/fullchain.pem }",
            "19: a certificate needs its 'key PATH' beside it"),
        .init(
            .backend, "tls { key tls/privkey.pem }",
            "11: a key needs its 'certificate PATH' beside it"),
        .init(.backend, "tls { ca nope.pem }", "10: no such file: 'nope.pem'"),
        .init(
            .backend, "tls { verify no }",
            "14: expected on or off, not 'no' (did you mean"
                + " 'off'?)"),
        .init(
            .backend, "tls { server_name *.app.kr }",
            "19: '*.app.kr' is a pattern: write the name that the certificate has to match"),
        .init(
            .backend, "tls { sni a.kr }",
            "7: unknown directive 'sni' in 'backend.tls' (did you mean 'server_name'?)"),
        .init(
            .backend, "server unix:/s; tls",
            "8: 'unix:/s' has no name that its certificate could be for: write 'server_name NAME'"
                + " in 'tls'"),
        .init(.top, "resolver 10.0.0.53 10.0.0.53", "20: '10.0.0.53' is named twice"),
        .init(.top, "resolver unix:/s", "10: a name server has an IP address, not a path"),
        .init(
            .top, "resolver dns.internal:53",
            "10: host names cannot be used here: write the numeric address of 'dns.internal'"),
        .init(
            .top, "resolver { min_ttl 2m; max_ttl 1m }",
            "1: 'min_ttl' must not be longer than 'max_ttl'"),
        .init(
            .top, "resolver { retires 2 }",
            "12: unknown directive 'retires' in 'resolver' (did you mean 'retries'?)"),
    ]

    @Test("Names and files that make no sense", arguments: mistakes)
    func complains(mistake: Mistake) {
        #expect(mistake.bench.complaints(about: mistake.text) == mistake.complaint)
    }

    @Test("TLS to servers") func serverTLS() throws {
        let text =
            "listen 127.0.0.1:80; route /a { backend a }; route /b { backend b };"
            + " route /c { backend c } backend a { server 127.0.0.1:1 }"
            + " backend b { server 127.0.0.1:1; tls }"
            + " backend c { server unix:/s; tls { ca tls/fullchain.pem; server_name App.KR;"
            + " certificate tls/fullchain.pem; key tls/privkey.pem } }"
        let backends = try #require(read(text).settings).backends
        #expect(backends[0].tls == nil)
        let plain = try #require(backends[1].tls)
        #expect(plain.verifies && plain.authorityPath == nil && plain.serverName == nil)
        #expect(plain.certificate == nil)
        let full = try #require(backends[2].tls)
        #expect(full.authorityPath == "tls/fullchain.pem" && full.serverName == "app.kr")
        #expect(full.certificate?.chain == "tls/fullchain.pem")
        #expect(full.certificate?.key == "tls/privkey.pem")
        let lax = read(
            text.replacing(
                "server unix:/s; tls { ca tls/fullchain.pem; ",
                with:
                    "server unix:/s; tls { verify off; "))
        #expect(lax.settings?.backends[2].tls?.verifies == false)
        #expect(lax.diagnostics.map(\.severity) == [.warning])
        let both = read(text.replacing("tls { ca", with: "tls { verify off; ca"))
        #expect(both.diagnostics.contains { $0.message.hasPrefix("'ca' has no effect") })
    }

    @Test("Names of servers, and who is asked for their addresses") func names() throws {
        let settings = try #require(
            read(
                """
                resolver 10.0.0.53 [fd00::53] 127.0.0.1:5353 { timeout 500ms; retries 3
                min_ttl 2s; max_ttl 1m; hold 0s }
                listen 127.0.0.1:80
                backend b { server App.Internal:80 weight=3 must_resolve
                server srv:_ws._tcp.app.internal backup; server my_app.:1; server localhost:80 }
                route / { backend b }
                """
            ).settings)
        var resolver = ResolverSettings()
        resolver.addresses = [
            .ip(address: "10.0.0.53", port: 53), .ip(address: "fd00::53", port: 53),
            .ip(address: "127.0.0.1", port: 5353),
        ]
        resolver.timeout = .milliseconds(500)
        resolver.retries = 3
        resolver.leastTTL = .seconds(2)
        resolver.mostTTL = .seconds(60)
        resolver.hold = .zero
        #expect(settings.resolver == resolver)
        let servers = settings.backends[0].servers
        #expect(
            servers.map(\.place) == [
                .name(.host("app.internal", port: 80)),
                .name(.service("_ws._tcp.app.internal")), .name(.host("my_app.", port: 1)),
                .address(.ip(address: "127.0.0.1", port: 80)),
            ])
        #expect(servers.map(\.mustResolve) == [true, false, false, false])
        #expect(servers.map(\.weight) == [3, 1, 1, 1])
        #expect(servers.map(\.isBackup) == [false, true, false, false])
        #expect(servers.map(\.namePosition.line) == [4, 5, 5, 0])
        #expect(servers.compactMap(\.name?.text).first == "app.internal:80")
    }
}
