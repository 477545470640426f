internal import Bookkeeping
internal import Clock
internal import Endings
internal import Entry
internal import Generations
internal import HTTP
internal import Identity
internal import JSON
internal import Loop
internal import Records
internal import Sessions
internal import Settings
internal import Transport

/// What is written down of a request when it is over.
struct RequestRecord {
    let context: RequestContext
    let reason: EndReason

    /// The request is over: writes it into the history, if it was a session's, and into the access
    /// log. Of its fields only `Host` is in there, and the query only with its tokens redacted.
    func write() {
        let thread = context.thread
        if let seat = context.session {
            thread.shared.journal.concluded(
                seat.lease.id, .init(context, reason), now: thread.loop.now)
        }
        guard thread.accessLog.isOn else { return }
        let duration = (thread.loop.now - context.origin.started).wholeMilliseconds
        thread.accessLog.append { line in
            line.beginJSONObject()
            line.appendMember("time", SystemClock.wallTime().rfc3339(milliseconds: true))
            line.appendMember("request_id", context.origin.id)
            line.appendMember("client", context.client)
            line.appendMember("method", context.origin.method.name)
            line.appendMember("host", context.authority?.text ?? "")
            line.appendMember("path", context.found.path)
            line.appendMember("status", context.outcome.status)
            line.appendMember("reason", reason.rawValue)
            if let detail = context.outcome.detail { line.appendMember("detail", detail) }
            line.appendMember("octets_in", context.traffic.octetsIn)
            line.appendMember("octets_out", context.traffic.octetsOut)
            line.appendMember("duration_ms", Int(duration))
            if let route = context.found.route {
                line.appendMember("route", context.generation.rules.routes[route].name)
            }
            if let server = context.outcome.server { line.appendMember("server", server.text) }
            if let user = context.found.identity?.user { line.appendMember("user", user) }
            if let role = context.found.identity?.role { line.appendMember("role", role) }
            if !context.outcome.wouldRefuse.isEmpty {
                line.appendMember(
                    "would_refuse",
                    .array(context.outcome.wouldRefuse.map { .string($0.rule.rawValue) }))
                line.appendMember(
                    "would_refuse_as", .array(context.outcome.wouldRefuse.map { $0.as.document }))
            }
            if let id = context.listedID { line.appendMember("session", id.description) }
            if let seat = context.session {
                line.appendMember("store", seat.store)
                if let device = seat.client { line.appendMember("client_id", device.text) }
            }
            line.appendMember("generation", Int(context.generation.number))
            line.endJSONObject()
        }
    }
}

extension SessionJournal.Conclusion {
    fileprivate init(_ context: RequestContext, _ reason: EndReason) {
        self.init(
            reason: reason, detail: context.outcome.detail,
            received: .init(
                octets: Int64(context.traffic.octetsIn), messages: Int64(context.outcome.messagesIn)
            ),
            sent: .init(
                octets: Int64(context.traffic.octetsOut),
                messages: Int64(context.outcome.messagesOut)))
    }
}

extension Refusal? {
    /// What the line of the request would have said; null where it would not have been refused.
    fileprivate var document: JSONValue {
        guard let self else { return .null }
        var document = JSONObject()
        document["status"] = .number(JSONNumber(Int64(self.status)))
        document["reason"] = .string(self.reason.rawValue)
        if let detail = self.detail { document["detail"] = .string(detail) }
        return .object(document)
    }
}
