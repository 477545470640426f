import Peers
import TLS
import Testing

/// Session tickets (RFC 5077, RFC 8446 §4.6.1): they are the client's, and outlive contexts.
@Suite struct ResumptionTests {
    private let folder: TemporaryFolder
    private let certificate: TLSCertificate

    init() throws {
        folder = try TemporaryFolder()
        certificate = try TLSCertificate(selfSignedFor: "localhost")
    }

    private var session: String { folder.path("session") }

    private func context(_ tickets: TicketKeys) throws -> TLSContext {
        try Identities.context(
            certificate, hosts: [("api.test", try TLSCertificate(selfSignedFor: "api"))],
            tickets: tickets)
    }

    /// - Returns: whether the kept session was resumed; the newest ticket is kept.
    private func resume(_ context: TLSContext, _ options: [String]) throws -> Bool {
        let outcome = try TLSVisit.run(
            to: context, ["-sess_in", session, "-sess_out", session] + options)
        #expect(outcome.heardHello)
        return outcome.isReused
    }

    private func begin(_ context: TLSContext, _ options: [String]) throws {
        let outcome = try TLSVisit.run(to: context, ["-sess_out", session] + options)
        #expect(outcome.heardHello)
        #expect(!outcome.isReused)
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"], ["localhost", "api.test"])
    func `a session is resumed, again and again`(version: String, name: String) throws {
        let context = try context(try TicketKeys())
        let options = [version, "-servername", name]
        try begin(context, options)
        for _ in 0..<3 { #expect(try resume(context, options)) }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a ticket is good for two rotations of the keys, and not for three`(
        version: String
    ) throws {
        for rotations in 0...3 {
            let tickets = try TicketKeys()
            let context = try context(tickets)
            try begin(context, [version])
            for _ in 0..<rotations { try tickets.rotate() }
            #expect(try resume(context, [version]) == (rotations < 3))
        }
    }

    @Test func `a session that is resumed gets a ticket of the newest key`() throws {
        let tickets = try TicketKeys()
        let context = try context(tickets)
        try begin(context, ["-tls1_3"])
        // Without new tickets this would end after the third rotation.
        for _ in 0..<6 {
            try tickets.rotate()
            #expect(try resume(context, ["-tls1_3"]))
        }
    }

    /// Here s_client does not keep the new ticket, but it shows that one came.
    @Test func `TLS 1.2 sends a new ticket when the key of the old one is not the newest`() throws {
        let tickets = try TicketKeys()
        let context = try context(tickets)
        try begin(context, ["-tls1_2"])
        for isOld in [false, true] {
            if isOld { try tickets.rotate() }
            let outcome = try TLSVisit.run(
                to: context, ["-tls1_2", "-sess_in", session, "-msg"])
            #expect(outcome.isReused && outcome.heardHello)
            #expect(outcome.output.contains("NewSessionTicket") == isOld)
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a reload keeps sessions resumable: contexts share keys`(version: String) throws {
        let tickets = try TicketKeys()
        try begin(try context(tickets), [version])
        #expect(try resume(try context(tickets), [version]))
        #expect(try !resume(try context(try TicketKeys()), [version]))
    }

    @Test func `a session of one version is not resumed in another`() throws {
        let tickets = try TicketKeys()
        try begin(try context(tickets), ["-tls1_2"])
        let only13 = try Identities.context(certificate, versions: [.v13], tickets: tickets)
        let outcome = try TLSVisit.run(to: only13, ["-sess_in", session])
        // The client itself will not offer it, or the server starts anew.
        #expect(!outcome.isReused)
    }
}
