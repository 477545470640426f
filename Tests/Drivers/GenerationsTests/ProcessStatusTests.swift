import Clock
import Peers
import Settings
import TLS
import Testing
import Transport
import Upstreams

@testable import Generations

/// What the control thread says of the process, and others read.
@Suite struct ProcessStatusTests {
    private let status = ProcessStatus()

    private func generation(_ number: UInt64) throws -> Generation {
        try Generation(
            Settings(), number: number, registry: UpstreamRegistry(), tickets: TicketKeys()
        ) { _ in nil }
    }

    @Test func `the newest configuration is the one that serves, or it is said why not`() throws {
        #expect(status.report.generation == nil && status.report.loaded == nil)
        status.adopted(try generation(1))
        status.refused("one")
        status.refused("two")
        #expect(status.report.generation?.number == 1)
        #expect(status.report.refused?.reason == "two")
        status.adopted(try generation(2))
        #expect(status.report.generation?.number == 2 && status.report.refused == nil)
    }

    @Test func `a reason is kept as far as somebody will read it`() {
        status.refused(String(repeating: "a", count: 100_000))
        #expect(status.report.refused?.reason.count == 8192)
    }

    @Test func `it is ready until it stops, and never again`() throws {
        #expect(status.isReady && status.report.stopping == nil)
        let stop = ProcessStatus.Stopping(
            since: .zero, closes: .zero + .seconds(1), ends: .zero + .seconds(9))
        status.stops(stop)
        #expect(!status.isReady && status.report.stopping == stop)
        status.adopted(try generation(3))
        #expect(!status.isReady)
    }

    @Test func `certificates are known by host and file, and by when they expire`() throws {
        let folder = try TemporaryFolder()
        let made = try CertificateAuthority.selfSigned("a", in: folder)
        var tls = TLSSettings(certificate: .selfSigned)
        tls.hosts = [
            .init(name: "a.kr", certificate: .files(chain: "/a.pem", key: "/a.key"))
        ]
        var settings = Settings()
        settings.listeners = [
            ListenerSettings(address: .ip(address: "127.0.0.1", port: 1), tls: tls),
            ListenerSettings(address: .ip(address: "127.0.0.1", port: 2)),
        ]
        let files = ["/a.pem": made.certificate, "/a.key": made.key]
        let generation = try Generation(
            settings, number: 1, registry: UpstreamRegistry(), tickets: TicketKeys()
        ) { files[$0] }
        let entrances = settings.listeners.map {
            generation.entrances[ListenerKey(address: $0.address)]
        }
        let found = try #require(entrances[0]?.certificates)
        #expect(found.map(\.host) == [nil, "a.kr"] && found.map(\.file) == [nil, "/a.pem"])
        for certificate in found {
            let expires = try #require(certificate.expires)
            #expect(expires.duration(since: SystemClock.wallTime()) > .seconds(3600))
        }
        #expect(entrances[1]?.certificates.isEmpty == true)
    }
}
