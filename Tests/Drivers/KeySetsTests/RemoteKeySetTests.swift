import Clock
import Identity
import JWT
import KeySets
import Peers
import Settings
import Testing
import Transport

/// Sets of keys behind https, as a real server serves them.
@Suite struct RemoteKeySetTests {
    private let server: KeySetServer
    private let issuer: Issuer

    init() throws {
        server = try KeySetServer()
        issuer = try Issuer("one")
        try server.publish([issuer.publicKey])
    }

    @Test func `a set comes in any way HTTP has, and redirects are followed`() throws {
        let targets = [
            "/keys", "/chunked", "/close", "/early", "/keys?query=1", "/redirect/3",
            "/to/?https://127.0.0.1:\(server.port)/keys", "/to/?//localhost:\(server.port)/close",
        ]
        let sources = targets.map { KeySetSource.remote(server.set($0)) }
        let watch = try Watch(Set(sources))
        try watch.wait { watch in
            sources.allSatisfy { watch.keyIDs($0) != nil } || !watch.notices.isEmpty
        }
        for source in sources { #expect(watch.keyIDs(source) == ["one"]) }
        #expect(watch.notices == [])
        #expect(watch.service.version == UInt64(targets.count))
        let request = try #require(server.requests.first { $0.hasPrefix("GET /keys?query") })
        #expect(
            request == "GET /keys?query=1 Host: localhost:\(server.port); "
                + "Accept: application/jwk-set+json, application/json; Accept-Encoding: identity; "
                + "User-Agent: gateway; Connection: close")
    }

    @Test func `an answer that is no good says why, and brings no keys`() throws {
        let reasons = [
            "/status/500": "the answer has status 500", "/status/404": "the answer has status 404",
            "/status/204": "the answer has status 204", "/status/304": "the answer has status 304",
            "/redirect/4": "redirected more than 3 times",
            "/nowhere": "redirected without a new address",
            "/to/?http://localhost/keys": "redirected to a URL that is not https",
            "/huge": "the answer is larger than 4096 octets",
            "/endless": "the answer is larger than 4096 octets",
            "/short": "the answer is malformed: The body ended early.",
            "/gzip":
                "the answer is malformed: it is compressed, but the request did not allow that",
            "/garbage": "the answer is malformed: The first line of the message is malformed.",
            "/html": "not a JSON object", "/empty": "no key in it",
        ]
        let sources = reasons.keys.map { target in
            KeySetSource.remote(server.set(target) { $0.size = 4096 })
        }
        let watch = try Watch(Set(sources))
        try watch.wait { watch in
            Set(watch.reports.map(\.source)).isSuperset(of: sources)
        }
        for (target, reason) in reasons {
            let source = KeySetSource.remote(server.set(target) { $0.size = 4096 })
            let notices = watch.reports.filter { $0.source == source }.compactMap(\.notice)
            #expect(
                notices == [
                    .warning(
                        "keys: cannot read '\(source.name)': \(reason); there are no keys from it")
                ])
            #expect(watch.keyIDs(source) == nil)
        }
        #expect(watch.service.version == 0)
    }

    @Test func `who keeps us waiting is given up, and nobody else waits for him`() throws {
        let slow = ["/silent", "/slow"].map { target in
            KeySetSource.remote(server.set(target) { $0.timeout = .milliseconds(700) })
        }
        let patient = KeySetSource.remote(server.set("/silent"))
        let good = KeySetSource.remote(server.set())
        let watch = try Watch(Set(slow + [patient, good]))
        try watch.wait { watch in
            watch.keyIDs(good) == ["one"] && watch.notices.count == slow.count
        }
        #expect(watch.service.current(patient)?.counters.attempts == 0)
        #expect(watch.notices.allSatisfy { $0.text.contains(": the answer took too long;") })
    }

    @Test func `a port that is silent is given up while connecting or shaking hands`() throws {
        // The kernel accepts, nobody answers.
        let listener = try Listener.loopback()
        var set = server.set(host: "127.0.0.1") { $0.timeout = .milliseconds(300) }
        set.port = listener.address.port ?? 0
        let watch = try Watch([.remote(set)])
        try watch.wait { !$0.notices.isEmpty }
        #expect(watch.notices[0].text.contains(": the TLS handshake took too long;"))
    }

    @Test func `who cannot prove to be the issuer is not believed`() throws {
        let other = try CertificateAuthority()
        let folder = try TemporaryFolder()
        let foreign = try folder.write(other.root.certificate, to: "ca.pem")
        let expired = try KeySetServer(days: -1)
        try expired.publish([issuer.publicKey])
        let table: [(RemoteKeySet, String)] = [
            (server.set { $0.authorityPath = foreign }, "signed by an unknown authority"),
            (server.set { $0.authorityPath = nil }, "signed by an unknown authority"),
            (
                server.set("/to/?https://localhost:\(expired.port)/keys"),
                "signed by an unknown authority"
            ),
            (expired.set(), "the certificate has expired"),
            (
                server.set { $0.authorityPath = folder.path("nothing") },
                "the certificates of 'ca' cannot be used"
            ),
            (server.set(host: "localhost") { $0.host = "127.0.0.2" }, "for another host"),
            (server.set { $0.host = "name.invalid" }, "the host name cannot be looked up"),
        ]
        for (set, reason) in table {
            let watch = try Watch([.remote(set)])
            try watch.wait { !$0.notices.isEmpty }
            // 127.0.0.2 has nobody who listens.
            let isRefused = watch.notices[0].text.contains("no connection")
            #expect(watch.notices[0].text.contains(reason) || set.host == "127.0.0.2" && isRefused)
            #expect(watch.keyIDs(.remote(set)) == nil)
        }
    }

    @Test func `an issuer that cannot be reached at the start delays nothing`() throws {
        try server.goDown()
        let source = KeySetSource.remote(server.set())
        let watch = try Watch(clock: KeySetClock(speed: 100), [source])
        #expect(watch.keyIDs(source) == nil)
        try watch.wait { !$0.notices.isEmpty }
        #expect(watch.notices[0].text.contains("no connection: Connection refused"))
        try server.comeBack()
        try watch.wait { $0.keyIDs(source) == ["one"] && $0.notices.count > 1 }
        #expect(watch.notices.map(\.isWarning) == [true, false])
    }
}
