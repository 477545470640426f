import Clock
import Foundation
import Identity
import KeySets
import Peers
import Settings
import Testing
import Transport

/// Files of keys, and which sources are in use.
@Suite struct KeyFileTests {
    private let folder: TemporaryFolder
    private let one: Issuer
    private let two: Issuer

    init() throws {
        folder = try TemporaryFolder()
        one = try Issuer("one")
        two = try Issuer("two")
    }

    private func write(_ text: String, to name: String = "keys.json") throws {
        let place = URL(filePath: folder.path(name))
        try Data(text.utf8).write(to: place, options: .atomic)
    }

    private func set(_ issuers: Issuer...) -> String {
        #"{"keys":[\#(issuers.map(\.publicKey).joined(separator: ","))]}"#
    }

    private var source: KeySetSource { .keySet(path: folder.path("keys.json")) }

    @Test func `a file is read before it is used, and again when it changes`() throws {
        try write(set(one))
        let watch = try Watch([source])
        #expect(watch.keyIDs(source) == ["one"])
        #expect(watch.service.version == 1)
        try write(set(one, two))
        try watch.wait { $0.keyIDs(source) == ["one", "two"] }
        #expect(watch.service.version == 2)
        #expect(watch.notices == [])
    }

    @Test func `a file that is broken or gone takes no keys away`() throws {
        try write(set(one))
        let watch = try Watch(clock: KeySetClock(speed: 10), [source])
        try write("{")
        try watch.wait { !$0.notices.isEmpty }
        #expect(watch.notices[0].text.hasSuffix("not a JSON object; the current keys stay in use"))
        #expect(watch.keyIDs(source) == ["one"])
        try write(set(two))
        try watch.wait { $0.keyIDs(source) == ["two"] }
        try FileManager.default.removeItem(atPath: folder.path("keys.json"))
        try watch.wait { $0.notices.count == 3 }
        #expect(watch.notices[2].text.contains("no such file"))
        #expect(watch.keyIDs(source) == ["two"])
        #expect(watch.service.current(source)?.isStale == true)
        try write(set(two))
        try watch.wait { $0.notices.count == 4 }
        #expect(watch.notices.map(\.isWarning) == [true, false, true, false])
        #expect(watch.service.version == 2)
    }

    @Test func `whoever asks for an unknown key is told when the file was looked at`() throws {
        try write(set(one))
        let watch = try Watch([source])
        // So long ago that its stamp is worth something: it is not even opened again.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000)],
            ofItemAtPath: folder.path("keys.json"))
        for _ in 0..<3 {
            let count = watch.reports.count
            let answer = watch.service.askForUnknownKey(of: source, seen: watch.service.version)
            guard case .reading(let instant) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(instant - SystemClock.now() <= .milliseconds(200))
            try watch.wait { $0.reports.count > count }
        }
        try write(set(one, two))
        let seen = watch.service.version
        _ = watch.service.askForUnknownKey(of: source, seen: seen)
        try watch.wait { $0.service.version > seen }
        #expect(watch.service.askForUnknownKey(of: source, seen: seen) == .newer)
        #expect(watch.keyIDs(source) == ["one", "two"])
    }

    @Test func `who came before the file was looked at knows all that is in it`() throws {
        try write(set(one))
        let watch = try Watch([source])
        let begin = SystemClock.now()
        func ask(since begin: Instant?) -> UnknownKeyAnswer {
            watch.service.askForUnknownKey(
                of: source, seen: watch.service.version, since: begin)
        }
        guard case .reading = ask(since: begin) else { return #expect(Bool(false)) }
        try watch.wait { _ in ask(since: begin) == .settled }
        // Who comes now may know of a newer one.
        guard case .reading = ask(since: SystemClock.now()) else { return #expect(Bool(false)) }
        // Nobody waits for a file that cannot be read to be mended.
        let later = SystemClock.now()
        try write("{")
        try watch.wait { !$0.notices.isEmpty }
        #expect(ask(since: later) == .settled)
    }

    @Test func `every kind of file`() throws {
        try write(one.publicKey, to: "key.json")
        try write("user 4711\n", to: "revoked.txt")
        let key = KeySetSource.key(path: folder.path("key.json"))
        let list = KeySetSource.revocations(path: folder.path("revoked.txt"))
        let certificate = try CertificateAuthority.selfSigned("issuer", in: folder)
        let path = try folder.write(certificate.certificate, to: "public.pem")
        let pem = KeySetSource.publicKey(path: path, id: "pem")
        let watch = try Watch([key, list, pem])
        #expect(watch.keyIDs(key) == ["one"])
        #expect(watch.keyIDs(pem) == ["pem"])
        #expect(watch.service.current(list)?.document?.octets == Array("user 4711\n".utf8))
        try write("", to: "revoked.txt")
        try watch.wait { $0.service.current(list)?.document?.octets == [] }
    }

    @Test func `a reload keeps what stays, and forgets what goes`() throws {
        try write(set(one))
        try write(set(two), to: "other.json")
        let other = KeySetSource.keySet(path: folder.path("other.json"))
        let server = try KeySetServer()
        try server.publish([one.publicKey])
        let remote = KeySetSource.remote(server.set())
        let watch = try Watch([source, remote])
        try watch.wait { $0.keyIDs(remote) == ["one"] }
        let version = watch.service.current(remote)?.version
        watch.service.use([other, remote])
        #expect(watch.keyIDs(other) == ["two"])
        #expect(watch.service.current(source) == nil)
        #expect(watch.service.askForUnknownKey(of: source, seen: 0) == .unknownSource)
        #expect(watch.service.current(remote)?.version == version)
        #expect(watch.service.current(remote)?.counters.attempts == 1)
        #expect(Set(watch.service.statuses.map(\.source)) == [other, remote])
        // Another line of the configuration is another source.
        let changed = KeySetSource.remote(server.set { $0.refresh = .seconds(60) })
        watch.service.use([changed])
        try watch.wait { $0.keyIDs(changed) == ["one"] }
        #expect(server.requests.count == 2)
    }

    @Test func `whoever waits for a source that goes is told`() throws {
        let server = try KeySetServer()
        try server.publish([one.publicKey])
        let silent = KeySetSource.remote(server.set("/silent"))
        let watch = try Watch([silent])
        guard case .reading = watch.service.askForUnknownKey(of: silent, seen: 0) else {
            Issue.record("nothing is read")
            return
        }
        #expect(watch.reports.isEmpty)
        watch.service.use([])
        try watch.wait { $0.reports.map(\.source) == [silent] }
        #expect(watch.notices == [])
    }
}
