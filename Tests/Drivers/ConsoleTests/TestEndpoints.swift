import Clock
import Endings
import HTTP
import JSON
import Locks
import Transport

@testable import Console

/// A table as others will be: things with names and versions, and endpoints that take their time.
enum TestEndpoints {
    static var all: [ConsoleEndpoint] {
        OpenAPIDocument.adding(to: things(Guarded(["x": Thing(size: 1)])) + slow)
    }

    struct Thing: Sendable {
        var size: Int64
        var version = 1
    }

    static let thing = Schema.named(
        "Thing",
        .object(
            ObjectSchema([
                .init("size", .integer(0...100), "How large it is", isRequired: true),
                .init("note", .text(upTo: 20).orNull(), "What is said about it"),
                .init("tags", .list(of: .word(["a", "b"]), count: 0...2), "Some"),
            ])))

    private static let name = ObjectSchema.Member("name", .text(upTo: 8), "Which one")
    private static let dryRun = ObjectSchema.Member(
        "dry_run", .truth, "Only say what would be done", fallback: .bool(false))

    static func things(_ things: Guarded<[String: Thing]>) -> [ConsoleEndpoint] {
        [
            ConsoleEndpoint(
                method: .get, path: "/things", name: "things", summary: "All of them",
                query: ObjectSchema([
                    .init("limit", .integer(1...10), "At most", fallback: .whole(5)),
                    .init("tag", .list(of: .word(["a", "b"]), count: 1...2), "With one of them"),
                ]),
                answers: [.json(200, "What was asked for", .anything)]
            ) { request, responder in
                responder.respond(.json(200, .object(request.query)))
            },
            ConsoleEndpoint(
                method: .get, path: "/things/{name}", name: "thing", summary: "One of them",
                captures: [name],
                answers: [.json(200, "It", thing, hasEntityTag: true), .problem(404, "None")]
            ) { request, responder in
                let name = request.captures["name"]?.string ?? ""
                guard let thing = things.withLock({ $0[name] }) else {
                    return responder.respond(
                        .problem(Refusal(.policy, status: 404, message: "No such thing")))
                }
                responder.respond(thing.response)
            },
            ConsoleEndpoint(
                method: .put, path: "/things/{name}", name: "changeThing", summary: "Change it",
                captures: [name], query: ObjectSchema([dryRun]), body: thing,
                precondition: .required,
                answers: [.json(200, "It", thing, hasEntityTag: true)]
            ) { request, responder in
                responder.respond(change(request, things))
            },
            ConsoleEndpoint(
                method: .delete, path: "/things/{name}", name: "removeThing", summary: "End it",
                captures: [name], precondition: .allowed, answers: [.empty(204, "Gone")]
            ) { _, responder in responder.respond(.empty()) },
            ConsoleEndpoint(
                method: .get, path: "/things/first", name: "firstThing", summary: "The first",
                answers: [.json(200, "Its name", .anything)]
            ) { _, responder in responder.respond(.json(200, "first")) },
        ]
    }

    private static func change(
        _ request: ConsoleRequest, _ things: Guarded<[String: Thing]>
    ) -> ConsoleResponse {
        guard let name = request.captures["name"]?.string,
            let size = request.body?.object?["size"]?.number?.int64
        else { return .empty(500) }
        do throws(Refusal) {
            return try things.withLock { things throws(Refusal) in
                let old = things[name]
                try request.checkPrecondition(old.map { String($0.version) })
                let new = Thing(size: size, version: (old?.version ?? 0) + 1)
                if request.query["dry_run"] == .bool(false) { things[name] = new }
                return new.response
            }
        } catch {
            return .problem(error)
        }
    }

    static var slow: [ConsoleEndpoint] {
        [
            ConsoleEndpoint(
                method: .get, path: "/later", name: "later", summary: "From another thread",
                query: ObjectSchema([.init("ms", .integer(0...5000), "After", fallback: .whole(0))]
                ),
                answers: [.json(200, "At last", .anything)]
            ) { request, responder in
                let pause = Int32(request.query["ms"]?.number?.int64 ?? 0)
                try? System.startThread(name: "later") {
                    if pause > 0 { _ = try? Poller().wait(milliseconds: pause) }
                    responder.respond(.json(200, "late"))
                    responder.respond(.json(200, "too late"))
                }
            },
            ConsoleEndpoint(
                method: .get, path: "/never", name: "never", summary: "Does not answer",
                answers: [.json(200, "Never", .anything)]
            ) { _, _ in },
            ConsoleEndpoint(
                method: .get, path: "/huge", name: "huge", summary: "Many octets",
                answers: [AnswerNote(status: 200, summary: "Them", content: .text(type: "x/y"))]
            ) { _, responder in
                let octets = [UInt8](repeating: 0x78, count: 8 * 1024 * 1024)
                responder.respond(
                    ConsoleResponse(status: 200, content: .octets(octets, type: "x/y")))
            },
            ConsoleEndpoint(
                method: .post, path: "/echo", name: "echo", summary: "What was sent",
                body: .anything, answers: [.json(200, "It", .anything)]
            ) { request, responder in responder.respond(.json(200, request.body ?? .null)) },
        ]
    }
}

extension TestEndpoints.Thing {
    var response: ConsoleResponse {
        .json(
            200, .object(["size": .number(JSONNumber(size))]), entityTag: String(version))
    }
}

extension ConsoleRequest {
    /// Throws 412 when another version is meant than the one with `tag` (nil when there is none).
    func checkPrecondition(_ tag: String?) throws(Refusal) {
        guard let entityTags, !entityTags.holds(for: tag) else { return }
        throw Refusal(.policy, status: 412, message: "There is another version now")
    }
}
