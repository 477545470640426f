import Peers
import Randomness
import TLS
import Testing

/// Sessions fed in portions. What is decrypted may not depend on how it came.
@Suite struct TLSSessionTests {
    private let folder: TemporaryFolder
    private let engine = TLSEngine()

    init() throws { folder = try TemporaryFolder() }

    /// s_client that sends `octets` and then close_notify.
    private func sending(
        _ octets: [UInt8], to context: TLSContext? = nil, _ options: String = ""
    ) throws -> SessionDriver {
        let file = try folder.write(octets, to: "sent")
        return try SessionDriver(
            try context ?? Identities.context(), engine: engine,
            command: "$CLIENT -nocommands \(options) < \(file)")
    }

    // MARK: Portions

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `everything arrives, however it is cut`(version: String) throws {
        let octets = Octets.pattern(40_000)
        for size in [1, 2, 3, 5, 1_000, 16_383, 16_384, 65_536] {
            // The shortest portions with fewer octets.
            let sent = Array(octets.prefix(size < 5 ? 3_000 : octets.count))
            let driver = try sending(sent, version)
            driver.portion = { size }
            try driver.run { driver.ending != nil }
            #expect(driver.ending == .end(0))
            #expect(driver.hasArrived(sent))
            #expect(driver.bare.session.isEstablished)
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `everything arrives in portions of any size`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let sent = Octets.pattern(300_000)
        let driver = try sending(sent)
        driver.portion = { Int.random(in: 1...40_000, using: &random) }
        try driver.run { driver.ending != nil }
        #expect(driver.hasArrived(sent))
    }

    /// A whole buffer that begins with the last octets of a record gives more plaintext than there
    /// are octets in it.
    @Test(arguments: [1, 2, 100, 4_000])
    func `full buffers between records lose nothing`(offset: Int) throws {
        let sent = Octets.pattern(3 << 20)
        let driver = try sending(sent)
        var isFirst = true
        driver.portion = {
            defer { isFirst = false }
            return isFirst ? offset : .max
        }
        try driver.run { driver.ending != nil }
        #expect(driver.ending == .end(0))
        #expect(driver.hasArrived(sent))
    }

    @Test func `sessions take turns on one engine`() throws {
        let context = try Identities.context()
        let sent = (0..<3).map { Octets.pattern(20_000 + $0 * 1_000) }
        let drivers = try sent.enumerated().map { index, octets in
            let file = try folder.write(octets, to: "sent\(index)")
            return try SessionDriver(
                context, engine: engine, command: "$CLIENT -nocommands < \(file)")
        }
        for (index, driver) in drivers.enumerated() { driver.portion = { 7 + index * 100 } }
        while drivers.contains(where: { $0.ending == nil }) {
            for driver in drivers where driver.ending == nil {
                let before = driver.used
                // A few portions each.
                try driver.run { driver.used > before + 3_000 || driver.ending != nil }
            }
        }
        for (driver, octets) in zip(drivers, sent) { #expect(driver.hasArrived(octets)) }
    }

    // MARK: What is held

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a handshake or record that is not whole is held`(version: String) throws {
        let driver = try sending(Octets.pattern(40_000), version)
        driver.portion = { 1_000 }
        var (before, after) = (0, 0)
        try driver.run {
            let held = driver.bare.session.heldCount
            if driver.bare.session.isEstablished { after = max(after, held) } else { before = held }
            return driver.ending != nil
        }
        #expect(before > 100)
        #expect(after > 1_000 && after <= 16 * 1024 + 261, "\(after)")
        #expect(driver.bare.session.heldCount == 0)
    }

    @Test func `a handshake that never ends is held as long as it is`() throws {
        let session = try BareSession(try Self.context.get(), engine)
        let head: [UInt8] = [0x16, 3, 1, 0x40, 0, 1, 1, 0xFB, 0]
        session.feed(head + [UInt8](repeating: 0, count: 16_380))
        #expect(session.session.heldCount == 16_389)
        session.feed([0x16, 3, 1])
        #expect(session.session.heldCount == 16_392)
        // What failed holds nothing that would come to anything.
        session.feed([0xFF, 0xFF])
        #expect(session.ending != nil && session.session.heldCount == 0)
    }

    // MARK: Ends

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `after the other side's close_notify there is still an answer`(version: String) throws {
        // The client closes when it reads a line that begins with Q by itself.
        let sent = try folder.write(Array("question\n".utf8), to: "sent")
        let seen = folder.path("seen")
        let driver = try SessionDriver(
            try Identities.context(), engine: engine,
            command: "{ cat \(sent); until [ -e \(seen) ]; do sleep 0.02; done; echo Q; }"
                + " | $CLIENT \(version)")
        var hasSeen = false
        try driver.run {
            if !hasSeen, driver.plaintext == Array("question\n".utf8) {
                hasSeen = (try? folder.write([], to: "seen")) != nil
            }
            return driver.ending != nil
        }
        #expect(driver.ending == .end(0))
        #expect(driver.plaintext == Array("question\n".utf8))
        #expect(driver.bare.write("answer") == nil)
        #expect(!driver.bare.takeOutput().isEmpty)
        driver.bare.close()
        #expect(!driver.bare.takeOutput().isEmpty)
        #expect(driver.bare.write("more") == .protocolError)
    }

    @Test func `before the handshake is over nothing is written`() throws {
        let driver = try sending([])
        #expect(driver.bare.write("early") == .protocolError)
        driver.bare.close()
        #expect(driver.bare.output == [])
        // It has done no harm.
        try driver.run { driver.ending != nil }
        #expect(driver.ending == .end(0))
    }

    // MARK: What is no TLS

    /// A session that got nothing but these octets.
    private func session(_ octets: [UInt8], portion: Int) throws -> BareSession {
        let session = try BareSession(try Self.context.get(), engine)
        var rest = octets[...]
        while !rest.isEmpty, session.ending == nil {
            session.feed(rest.prefix(portion))
            rest = rest.dropFirst(portion)
        }
        return session
    }

    private static let context = Result { try Identities.context() }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /a HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n",
        "PUT /a HTTP/1.1\r\n",
    ])
    func `plain HTTP is told from other octets`(request: String) throws {
        for portion in [1, 4, 65_536] {
            let session = try session(Array(request.utf8), portion: portion)
            #expect(session.ending == .failed(.plainHTTP))
            // The answer is to be in the same language.
            #expect(session.output == [])
        }
    }

    @Test(
        arguments: [
            Array("DELETE / HTTP/1.1\r\n".utf8), Array("SSH-2.0-OpenSSH_9.2\r\n".utf8),
            [UInt8](repeating: 0, count: 100), [UInt8](repeating: 0xFF, count: 100),
            // A record of TLS whose length is beyond any.
            [0x16, 0x03, 0x01, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 70_000),
            // A hello that is none.
            [0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0x00, 0x00, 0x00],
            // An SSL 2 hello.
            [0x80, 0x2E, 0x01, 0x00, 0x02] + [UInt8](repeating: 0, count: 43),
            // Application data before the handshake.
            [0x17, 0x03, 0x03, 0x00, 0x02, 0x41, 0x42],
        ])
    func `anything else is a failure, and stays one`(octets: [UInt8]) throws {
        for portion in [1, 5, 65_536] {
            let session = try session(octets, portion: portion)
            #expect(session.ending == .failed(.protocolError))
            session.feed([0x16, 0x03, 0x01])
            #expect(session.ending == .failed(.protocolError))
            #expect(session.write("a") == .protocolError)
            #expect(!session.session.isEstablished)
            #expect(engine.outputCount == 0)
        }
    }

    @Test func `random octets fail or wait for more, and never crash`() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            var octets = random.octets(Int.random(in: 1...600, using: &random))
            // Every other time a record header that invites to go on.
            if Bool.random(using: &random) {
                octets.replaceSubrange(
                    0..<min(5, octets.count), with: [0x16, 0x03, 0x01, 0x01, 0x00])
            }
            let session = try session(octets, portion: 600)
            #expect(session.plaintext == [])
            #expect(session.ending == nil || session.ending == .failed(.protocolError))
        }
    }

    @Test func `a record that was changed on its way is a failure`() throws {
        // Its input stays open, so that it says nothing more.
        let driver = try SessionDriver(
            try Identities.context(), engine: engine, command: "$CLIENT")
        try driver.run { driver.bare.session.isEstablished }
        driver.bare.feed([0x17, 0x03, 0x03, 0x00, 0x20] + [UInt8](repeating: 7, count: 32))
        #expect(driver.ending == .failed(.protocolError))
        #expect(driver.plaintext == [])
        #expect(driver.bare.write("a") == .protocolError)
    }

    @Test func `one session's failure is not another's`() throws {
        let sent = Octets.pattern(30_000)
        let good = try sending(sent)
        var isOdd = false
        good.portion = {
            // Whatever goes wrong on the same thread and engine in between.
            isOdd.toggle()
            let octets = isOdd ? Array("GET / HTTP".utf8) : [UInt8](repeating: 9, count: 500)
            #expect(throws: Never.self) {
                let bad = try session(octets, portion: 600)
                #expect(bad.ending != nil)
            }
            #expect(throws: CertificateMistake.self) {
                try TLSCertificate(chainPEM: [1], keyPEM: [2])
            }
            return 500
        }
        try good.run { good.ending != nil }
        #expect(good.ending == .end(0))
        #expect(good.hasArrived(sent))
    }
}
