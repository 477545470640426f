import Peers
import TLS
import Testing
import Transport

/// The client side, with `openssl s_server` on the other end.
@Suite struct TLSClientTests {
    private let authority: CertificateAuthority

    init() throws { authority = try CertificateAuthority() }

    /// A server that answers what it reads, reversed line by line.
    private final class Server {
        let process: ChildProcess
        let port: UInt16
        private let folder: TemporaryFolder

        init(_ identity: CertificateAuthority.Identity, _ options: [String] = []) throws {
            folder = try TemporaryFolder()
            // Known only to be free a moment ago: no one else asks for ports of 127.0.0.1 here.
            let listener = try Listener.loopback()
            port = listener.address.port ?? 0
            listener.descriptor.close()
            process = try ChildProcess(
                ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-rev", "-naccept", "1"]
                    + ["-cert_chain", try folder.write(identity.certificate, to: "chain.pem")]
                    + ["-cert", folder.path("chain.pem")]
                    + ["-key", try folder.write(identity.key, to: "key.pem")] + options)
            while !process.output.contains("ACCEPT") { try process.checkPatience() }
        }

        deinit { process.end() }
    }

    /// Shakes hands and, when that works, says a line.
    private func visit(
        _ server: Server, believing authority: [UInt8]?, host: String
    ) throws -> (answer: String?, ending: Stream.ReceiveResult?) {
        let context = try TLSClientContext(authority: authority)
        let plain = try Stream.connect(
            to: .ip4(octets: [127, 0, 0, 1], port: server.port)
        ).stream
        let poller = try Poller()
        try poller.add(plain.descriptor.number, token: 1, interest: .writable)
        try #require(poller.wait(milliseconds: 5_000) == 1)
        poller.remove(plain.descriptor.number)
        try plain.finishConnecting()
        let driver = try StreamDriver(
            Stream(plain.descriptor, client: context, host: host, engine: TLSEngine()))
        #expect(!driver.stream.isEstablished)
        try driver.run { $0.stream.isEstablished || $0.ending != nil }
        guard driver.stream.isEstablished else { return (nil, driver.ending) }
        driver.send("hello\n")
        try driver.run { $0.text.contains("\n") || $0.ending != nil }
        return (driver.text, driver.ending)
    }

    private static func fault(_ fault: CertificateFault) -> Stream.ReceiveResult {
        .failed(.tls(.certificate(fault)))
    }

    @Test(
        arguments: [
            ("localhost", "DNS:localhost"), ("keys.test", "DNS:other.test,DNS:keys.test"),
            ("a.keys.test", "DNS:*.keys.test"), ("127.0.0.1", "IP:127.0.0.1"),
            ("::1", "IP:127.0.0.1,IP:::1"),
        ], ["-tls1_2", "-tls1_3"])
    func `a server that is who it should be is talked to`(
        names: (host: String, subjects: String), version: String
    ) throws {
        let server = try Server(authority.issue("leaf", subjects: names.subjects), [version])
        let outcome = try visit(
            server, believing: authority.root.certificate, host: names.host)
        #expect(outcome.answer == "olleh\n")
        #expect(outcome.ending == nil)
    }

    @Test(
        arguments: [
            ("other.test", "DNS:localhost"), ("keys.test", "DNS:*.keys.test"),
            ("a.b.keys.test", "DNS:*.keys.test"), ("abc.keys.test", "DNS:a*.keys.test"),
            ("127.0.0.2", "IP:127.0.0.1"), ("127.0.0.1", "DNS:127.0.0.1"),
            ("leaf", "DNS:localhost"), ("localhost", "email:localhost"),
        ])
    func `a certificate for another host is refused`(host: String, subjects: String) throws {
        let server = try Server(authority.issue("leaf", subjects: subjects))
        let outcome = try visit(server, believing: authority.root.certificate, host: host)
        #expect(outcome.answer == nil)
        #expect(outcome.ending == Self.fault(.wrongHost))
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `an expired certificate is refused, and the server is told`(version: String) throws {
        let server = try Server(authority.issue("localhost", days: -1), [version])
        let outcome = try visit(
            server, believing: authority.root.certificate, host: "localhost")
        #expect(outcome.ending == Self.fault(.expired))
        while !server.process.output.contains("alert certificate expired") {
            try server.process.checkPatience()
        }
    }

    @Test func `who is not signed by those who are believed is refused`() throws {
        let folder = try TemporaryFolder()
        let selfSigned = try CertificateAuthority.selfSigned("localhost", in: folder)
        let foreign = try CertificateAuthority().issue("localhost")
        for identity in [selfSigned, foreign] {
            for authority in [authority.root.certificate, nil] {
                let outcome = try visit(
                    Server(identity), believing: authority, host: "localhost")
                #expect(outcome.answer == nil)
                #expect(outcome.ending == Self.fault(.unknownAuthority))
            }
        }
    }

    @Test func `an intermediate authority comes with the server, or is believed itself`() throws {
        let middle = try authority.issue("Middle", isAuthority: true)
        let leaf = try authority.issue("localhost", by: middle)
        var whole = leaf
        whole.certificate += middle.certificate
        let root = authority.root.certificate
        #expect(try visit(Server(whole), believing: root, host: "localhost").answer != nil)
        let lacking = try visit(Server(leaf), believing: root, host: "localhost")
        #expect(lacking.ending == Self.fault(.unknownAuthority))
        let direct = try visit(Server(leaf), believing: middle.certificate, host: "localhost")
        #expect(direct.answer == "olleh\n")
    }

    @Test func `old versions are not spoken`() throws {
        let server = try Server(
            authority.issue("localhost"), ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        let outcome = try visit(
            server, believing: authority.root.certificate, host: "localhost")
        #expect(outcome.ending == .failed(.tls(.protocolError)))
    }

    @Test func `the server hears its name and HTTP/1.1, but no address`() throws {
        for (host, isNamed) in [("localhost", true), ("127.0.0.1", false)] {
            let identity = try authority.issue("x", subjects: "DNS:localhost,IP:127.0.0.1")
            let server = try Server(identity, ["-tlsextdebug", "-alpn", "http/1.1"])
            let outcome = try visit(
                server, believing: authority.root.certificate, host: host)
            #expect(outcome.answer == "olleh\n")
            // It prints the last of it when it ends.
            while !server.process.output.contains("ALPN protocols selected: http/1.1\n") {
                try server.process.checkPatience()
            }
            let output = server.process.output
            #expect(output.contains("TLS client extension \"server name\"") == isNamed)
        }
    }

    @Test(arguments: ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
    func `a text without certificates is no authority`(text: String) {
        #expect(throws: TLSError.self) { try TLSClientContext(authority: Array(text.utf8)) }
    }

    @Test(arguments: ["", "a\0b"])
    func `what is no name is not asked for`(host: String) throws {
        let context = try TLSClientContext(authority: nil)
        #expect(throws: TLSError.self) {
            try TLSSession(client: context, host: host, engine: TLSEngine())
        }
    }

    @Test func `faults say what is wrong`() {
        #expect(CertificateFault.expired.description == "the certificate has expired")
        // X509_V_ERR_CERT_REVOKED.
        #expect(
            CertificateFault.other(23).description
                == "the certificate was refused (certificate revoked)")
    }
}
