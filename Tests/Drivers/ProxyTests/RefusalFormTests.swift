import Endings
import Settings
import Testing

@testable import Proxy

struct RefusalFormTests {
    struct Row: Sendable {
        var status: Int
        var reason: EndReason
        var socket: RefusalForm
        var stream: RefusalForm

        init(_ status: Int, _ reason: EndReason, _ socket: RefusalForm, _ stream: RefusalForm) {
            (self.status, self.reason, self.socket, self.stream) = (status, reason, socket, stream)
        }
    }

    private func settings(_ change: (inout RouteSettings) -> Void = { _ in }) -> RouteSettings {
        var settings = RouteSettings(
            path: PathPattern(segments: [], hasTrailingSlash: true), destination: .backend(0))
        change(&settings)
        return settings
    }

    private func form(
        _ row: Row, _ isWebSocket: Bool, _ isEventStream: Bool, hasRejection: Bool = false,
        by settings: RouteSettings?
    ) -> RefusalForm {
        RefusalForm(
            of: Refusal(row.reason, status: row.status, message: ""), isWebSocket: isWebSocket,
            isEventStream: isEventStream, hasRejection: hasRejection, by: settings)
    }

    static let rows = [
        Row(401, .unauthenticated, .socket, .status), Row(403, .forbidden, .socket, .status),
        Row(403, .policy, .socket, .status), Row(409, .connectionRejected, .socket, .status),
        Row(429, .rateLimited, .socket, .status), Row(400, .protocolError, .status, .status),
        Row(404, .policy, .status, .status), Row(405, .policy, .status, .status),
        Row(413, .tooBig, .status, .status), Row(500, .internalError, .status, .status),
        Row(502, .upstreamUnavailable, .status, .comeBack),
        Row(503, .upstreamUnavailable, .status, .comeBack),
        Row(504, .upstreamUnavailable, .status, .comeBack),
        Row(503, .draining, .status, .comeBack), Row(503, .overloaded, .status, .comeBack),
    ]

    @Test(arguments: rows)
    func `each refusal is told in the way that its client understands`(row: Row) {
        let usual = settings()
        #expect(form(row, true, false, by: usual) == row.socket)
        #expect(form(row, true, true, by: usual) == row.socket, "a handshake that accepts events")
        #expect(form(row, true, false, by: settings { $0.refusesWithStatus = true }) == .status)
        #expect(form(row, true, false, by: nil) == .status, "nobody knows the route")
        let refusal = Refusal(row.reason, status: row.status, message: "")
        #expect(
            RefusalForm(
                of: refusal, isWebSocket: true, isOpen: true, isEventStream: false,
                hasRejection: false, by: settings { $0.refusesWithStatus = true }) == .socket,
            "nothing else can be said on it")
        #expect(form(row, false, true, by: usual) == row.stream)
        #expect(form(row, false, true, by: nil) == row.stream)
        #expect(form(row, false, true, by: settings { $0.whileAway = .retry }) == row.stream)
        #expect(form(row, false, true, by: settings { $0.whileAway = .error }) == .status)
        #expect(form(row, false, true, hasRejection: true, by: usual) == .rejectionEvent)
        #expect(form(row, false, false, by: usual) == .status)
    }

    @Test(arguments: rows)
    func `a client of SocketIO is told in a session what is final, else with a status`(row: Row) {
        let spoken = settings { $0.socketIO = RouteSettings.SocketIO() }
        let refusal = Refusal(row.reason, status: row.status, message: "")
        func form(opensEngine: Bool, by settings: RouteSettings) -> RefusalForm {
            RefusalForm(
                of: refusal, isWebSocket: true, isEventStream: false, hasRejection: false,
                by: settings, opensEngine: opensEngine)
        }
        let isTold = row.socket == .socket && row.reason != .rateLimited
        #expect(form(opensEngine: true, by: spoken) == (isTold ? .socket : .status))
        #expect(form(opensEngine: false, by: spoken) == .status, "an old client, or a probe")
        var strict = spoken
        strict.refusesWithStatus = true
        #expect(form(opensEngine: true, by: strict) == .status)
        #expect(form(opensEngine: false, by: settings()) == row.socket)
    }
}
