import HTTP
import JSON

/// The OpenAPI 3.1 document of a table of endpoints, written from what routes and checks requests.
enum OpenAPIDocument {
    static let contentType = "application/json"

    /// `endpoints`, and one that answers the document of all of them.
    static func adding(to endpoints: [ConsoleEndpoint]) -> [ConsoleEndpoint] {
        var own = ConsoleEndpoint(
            method: .get, path: "/openapi.json", name: "openapi",
            summary: "Show this document",
            answers: [
                .json(200, "An OpenAPI 3.1 document", .anything)
            ]
        ) { _, _ in }
        var octets: [UInt8] = []
        octets.appendJSON(document(endpoints + [own]))
        let document = octets
        own.handler = { _, responder in
            responder.respond(
                ConsoleResponse(status: 200, content: .octets(document, type: contentType)))
        }
        return endpoints + [own]
    }

    static func document(_ endpoints: [ConsoleEndpoint]) -> JSONValue {
        var writer = Writer()
        var paths = JSONObject()
        for endpoint in endpoints {
            let path = endpoint.path.text
            var methods = paths[path]?.object ?? JSONObject()
            methods[endpoint.method.name.lowercased()] = writer.operation(endpoint)
            paths[path] = .object(methods)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Gateway console",
                "summary": "What operators can ask a gateway and tell it to do",
                "version": "1.0.0",
            ],
            "servers": [["url": "/"]],
            "security": [["token": []]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(writer.schemas.named),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
            ],
        ]
    }

    private struct Writer {
        var schemas = SchemaDocument()

        mutating func operation(_ endpoint: ConsoleEndpoint) -> JSONValue {
            var operation: JSONObject = [
                "operationId": .string(endpoint.name), "summary": .string(endpoint.summary),
            ]
            if !endpoint.query.forms.isEmpty {
                operation["description"] = .string(
                    "Parameters: " + endpoint.query.formsText)
            }
            if !endpoint.needsToken { operation["security"] = [] }
            let parameters = parameters(of: endpoint)
            if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
            if let body = endpoint.body {
                operation["requestBody"] = [
                    "required": true,
                    "content": ["application/json": ["schema": schemas.document(body)]],
                ]
            }
            var responses = JSONObject()
            let notes = (endpoint.answers + endpoint.usualProblems).sorted { $0.status < $1.status }
            for note in notes where !responses.contains(String(note.status)) {
                responses[String(note.status)] = response(note)
            }
            operation["responses"] = .object(responses)
            return .object(operation)
        }

        private mutating func parameters(of endpoint: ConsoleEndpoint) -> [JSONValue] {
            var parameters = endpoint.captures.map {
                parameter($0, in: "path", isRequired: true)
            }
            parameters += endpoint.query.members.map {
                parameter($0, in: "query", isRequired: $0.isRequired)
            }
            if let isRequired = endpoint.precondition.requiresTag {
                parameters.append([
                    "name": "If-Match", "in": "header", "required": .bool(isRequired),
                    "description": "The ETag of the version that the request is about, or *",
                    "schema": ["type": "string"],
                ])
            }
            if case .allowedOrNew = endpoint.precondition {
                parameters.append([
                    "name": "If-None-Match", "in": "header", "required": false,
                    "description": "* when none may exist yet",
                    "schema": ["type": "string", "enum": ["*"]],
                ])
            }
            return parameters
        }

        private mutating func parameter(
            _ member: ObjectSchema.Member, in place: String, isRequired: Bool
        ) -> JSONValue {
            [
                "name": .string(member.name), "in": .string(place),
                "description": .string(member.summary), "required": .bool(isRequired),
                "schema": schemas.valueDocument(of: member),
            ]
        }

        private mutating func response(_ note: AnswerNote) -> JSONValue {
            var response: JSONObject = ["description": .string(note.summary)]
            if note.hasEntityTag {
                response["headers"] = [
                    "ETag": [
                        "description": "The name of this version, for If-Match",
                        "schema": ["type": "string"],
                    ]
                ]
            }
            switch note.content {
            case .none: break
            case .json(let schema):
                response["content"] = [contentType: ["schema": schemas.document(schema)]]
            case .text(let type):
                response["content"] = .object([type: ["schema": ["type": "string"]]])
            case .problem:
                response["content"] = [
                    "application/problem+json": [
                        "schema": schemas.document(ConsoleEndpoint.problem)
                    ]
                ]
            }
            return .object(response)
        }
    }
}

extension ConsoleEndpoint.Precondition {
    /// Nil when `If-Match` is not read.
    fileprivate var requiresTag: Bool? {
        switch self {
        case .none: nil
        case .allowed, .allowedOrNew: false
        case .required: true
        }
    }
}
