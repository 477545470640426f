import Peers
import TLS
import Testing
import Transport

/// Versions, ciphers, server names and application protocols, as `openssl s_client` sees them.
@Suite struct HandshakeTests {
    private static let refused = Stream.ReceiveResult.failed(.tls(.protocolError))

    // MARK: Versions and ciphers

    @Test(
        arguments: [
            ([.v12, .v13], [], "TLSv1.3"), ([.v12, .v13], ["-tls1_2"], "TLSv1.2"),
            ([.v12], [], "TLSv1.2"), ([.v13], [], "TLSv1.3"), ([.v13], ["-tls1_2"], nil),
            ([.v12], ["-tls1_3"], nil),
            ([.v12, .v13], ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], nil),
        ] as [([TLSContext.Version], [String], String?)])
    func `the highest version both have is spoken, or none`(
        versions: [TLSContext.Version], options: [String], version: String?
    ) throws {
        let outcome = try TLSVisit.run(to: try Identities.context(versions: versions), options)
        #expect(outcome.isEstablished == (version != nil))
        #expect(outcome.heardHello == (version != nil))
        if let version {
            #expect(outcome.version == version)
        } else {
            #expect(outcome.ending == Self.refused)
            #expect(outcome.output.contains("alert protocol version"))
        }
    }

    @Test func `a context without versions is an error`() throws {
        #expect(throws: TLSError("no TLS version is allowed")) {
            try Identities.context(versions: [])
        }
    }

    @Test(arguments: [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", true), ("ECDHE-ECDSA-AES256-GCM-SHA384", true),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", true), ("ECDHE-ECDSA-AES128-SHA", false),
        ("ECDHE-ECDSA-AES256-SHA384", false), ("AES128-GCM-SHA256", false),
    ])
    func `TLS 1.2 is spoken with forward secrecy and authenticated encryption only`(
        cipher: String, isSpoken: Bool
    ) throws {
        let outcome = try TLSVisit.run(
            to: try Identities.context(), ["-tls1_2", "-cipher", cipher])
        #expect(outcome.isEstablished == isSpoken)
        if !isSpoken { #expect(outcome.output.contains("handshake failure")) }
    }

    @Test func `renegotiation does not happen`() throws {
        let visit = try TLSVisit(to: try Identities.context(), ["-tls1_2"])
        try visit.shakeHands()
        visit.client.write("R\n")
        let output = try wait(for: "no renegotiation", of: visit)
        #expect(output.contains("RENEGOTIATING"))
    }

    /// Drives the server until the client printed `words`.
    private func wait(for words: String, of visit: TLSVisit) throws -> String {
        try visit.server.run { _ in
            try visit.client.checkPatience()
            return visit.client.output.contains(words)
        }
        return visit.client.output
    }

    @Test func `keys are updated in the middle of a connection`() throws {
        let visit = try TLSVisit(to: try Identities.context(), [])
        try visit.shakeHands()
        visit.server.isEchoing = true
        visit.client.write("one\n")
        _ = try wait(for: "one\n", of: visit)
        // K asks the server to update its keys too.
        visit.client.write("K\n")
        _ = try wait(for: "KEYUPDATE", of: visit)
        visit.client.write("two\n")
        _ = try wait(for: "two\n", of: visit)
        #expect(visit.server.text == "one\ntwo\n")
        try visit.finish()
    }

    // MARK: Server names

    private func contextOfHosts() throws -> TLSContext {
        try Identities.context(
            Identities.certificate("default.test"),
            hosts: [
                ("api.example.test", Identities.certificate("api")),
                ("*.example.test", Identities.certificate("wildcard")),
                ("xn--9d0b.test", Identities.certificate("hangul")),
            ])
    }

    @Test(
        arguments: [
            (nil, "default.test"), ("api.example.test", "api"), ("API.Example.TEST", "api"),
            ("www.example.test", "wildcard"), ("WWW.EXAMPLE.TEST", "wildcard"),
            ("a.b.example.test", "default.test"), ("example.test", "default.test"),
            (".example.test", "default.test"), ("other.test", "default.test"),
            ("xn--9d0b.test", "hangul"), ("localhost", "default.test"),
        ] as [(String?, String)], ["-tls1_2", "-tls1_3"])
    func `the name the client asks for chooses the certificate`(
        asked: (name: String?, certificate: String), version: String
    ) throws {
        let name = asked.name.map { ["-servername", $0] } ?? ["-noservername"]
        let outcome = try TLSVisit.run(to: try contextOfHosts(), name + [version])
        #expect(outcome.heardHello)
        #expect(outcome.commonName == asked.certificate)
    }

    @Test(arguments: [
        (["-tls1_2"], "api.example.test", true), (["-tls1_3"], "api.example.test", true),
        (["-tls1_3"], "other.test", false),
        // The server asks for another group, so that the client says hello twice.
        (["-tls1_3", "-groups", "P-521:P-256"], "api.example.test", true),
        (["-tls1_3", "-groups", "P-521:P-256"], "other.test", false),
    ])
    func `a known name is acknowledged`(
        options: [String], name: String, isKnown: Bool
    ) throws {
        let outcome = try TLSVisit.run(
            to: try contextOfHosts(),
            options + ["-servername", name, "-tlsextdebug", "-trace"])
        #expect(outcome.heardHello)
        #expect(outcome.commonName == (isKnown ? "api" : "default.test"))
        #expect(outcome.output.contains("TLS server extension \"server name\"") == isKnown)
        let hellos = outcome.output.ranges(of: "ClientHello, Length").count
        #expect(hellos == (options.contains("-groups") ? 2 : 1))
    }

    @Test func `groups that cost the server much are not spoken`() throws {
        let outcome = try TLSVisit.run(to: try Identities.context(), ["-groups", "ffdhe8192"])
        #expect(!outcome.isEstablished)
        #expect(outcome.ending == Self.refused)
    }

    // MARK: Application protocols

    @Test(
        arguments: [
            (nil, nil), ("http/1.1", "http/1.1"), ("h2,http/1.1", "http/1.1"),
            ("http/1.1,h2", "http/1.1"), ("h2,spdy/3,acme-tls/1,http/1.1", "http/1.1"),
        ] as [(String?, String?)], ["default.test", "api.example.test"])
    func `HTTP/1.1 is chosen from what the client offers`(
        offer: (offered: String?, chosen: String?), name: String
    ) throws {
        let options = offer.offered.map { ["-alpn", $0] } ?? []
        let outcome = try TLSVisit.run(
            to: try contextOfHosts(), options + ["-servername", name])
        #expect(outcome.heardHello)
        #expect(outcome.applicationProtocol == offer.chosen)
        #expect(outcome.output.contains("No ALPN negotiated") == (offer.chosen == nil))
    }

    @Test(arguments: ["h2", "http/1.0,h2", "http/1.10", "HTTP/1.1"], ["-tls1_2", "-tls1_3"])
    func `a client that insists on something else is told so`(
        offered: String, version: String
    ) throws {
        let outcome = try TLSVisit.run(to: try contextOfHosts(), ["-alpn", offered, version])
        #expect(!outcome.isEstablished)
        #expect(outcome.ending == Self.refused)
        // RFC 7301 §3.2: no_application_protocol.
        #expect(outcome.output.contains("alert no application protocol"))
    }
}
