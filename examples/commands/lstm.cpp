// An LSTM without any framework, for rnncheck's exec: (docs/trace-file.md).
//
//   g++ -O2 -std=c++17 -o lstm lstm.cpp
//   rnncheck compare 'exec:./lstm {inputs} {outputs}' --cell lstm
//
// Layers, both directions, lengths and --no-bias; float32 and float64. Gates in torch's order: i, f, g, o.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

struct Tensor {
    std::vector<size_t> shape;
    std::vector<double> values;
};

[[noreturn]] void not_offered(const std::string& reason) {
    std::cerr << reason << "\n";
    std::exit(64);
}

// The header of a safetensors file: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}.
struct Header {
    std::string text;
    size_t at = 0;

    char next() {
        while (std::isspace(static_cast<unsigned char>(text.at(at)))) ++at;
        return text[at];
    }
    bool take(char wanted) {
        if (next() != wanted) return false;
        ++at;
        return true;
    }
    std::string string() {
        take('"');
        std::string found;
        for (; text.at(at) != '"'; ++at) {
            if (text[at] == '\\') ++at;
            found += text.at(at);
        }
        ++at;
        return found;
    }
    std::vector<size_t> numbers() {
        std::vector<size_t> found;
        take('[');
        while (!take(']')) {
            next();
            char* end = nullptr;
            found.push_back(std::strtoull(text.c_str() + at, &end, 10));
            at = end - text.c_str();
            take(',');
        }
        return found;
    }
};

struct File {
    std::map<std::string, std::string> metadata;
    std::map<std::string, Tensor> tensors;
};

template <typename Number>
std::vector<double> widened(const std::vector<char>& data, size_t begin, size_t end) {
    std::vector<Number> numbers((end - begin) / sizeof(Number));
    std::memcpy(numbers.data(), data.data() + begin, end - begin);
    return {numbers.begin(), numbers.end()};
}

File read(const char* path) {
    std::ifstream stream(path, std::ios::binary);
    std::vector<char> all((std::istreambuf_iterator<char>(stream)), {});
    uint64_t size = 0;
    std::memcpy(&size, all.data(), 8);
    Header header{std::string(all.data() + 8, size)};
    const std::vector<char> data(all.begin() + 8 + size, all.end());
    File file;
    header.take('{');
    while (!header.take('}')) {
        const std::string name = header.string();
        header.take(':');
        header.take('{');
        std::string dtype;
        std::vector<size_t> shape, offsets;
        while (!header.take('}')) {
            const std::string key = header.string();
            header.take(':');
            if (header.next() == '[') (key == "shape" ? shape : offsets) = header.numbers();
            else if (name == "__metadata__") file.metadata[key] = header.string();
            else dtype = header.string();
            header.take(',');
        }
        header.take(',');
        if (name == "__metadata__") continue;
        if (dtype == "F64") file.tensors[name] = {shape, widened<double>(data, offsets[0], offsets[1])};
        else if (dtype == "F32") file.tensors[name] = {shape, widened<float>(data, offsets[0], offsets[1])};
        else if (dtype == "I64") file.tensors[name] = {shape, widened<int64_t>(data, offsets[0], offsets[1])};
        else not_offered("it computes in float32 and float64 and has no " + dtype);
    }
    return file;
}

template <typename Number>
void write(const char* path, const std::map<std::string, Tensor>& tensors) {
    std::ostringstream header;
    std::vector<Number> data;
    header << "{";
    for (const auto& [name, tensor] : tensors) {
        const size_t begin = data.size() * sizeof(Number);
        data.insert(data.end(), tensor.values.begin(), tensor.values.end());
        header << (begin ? "," : "") << "\"" << name << "\":{\"dtype\":\"F" << 8 * sizeof(Number) << "\",\"shape\":[";
        for (size_t i = 0; i < tensor.shape.size(); ++i) header << (i ? "," : "") << tensor.shape[i];
        header << "],\"data_offsets\":[" << begin << "," << data.size() * sizeof(Number) << "]}";
    }
    header << "}";
    const std::string text = header.str();
    const uint64_t size = text.size();
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(&size), 8);
    stream.write(text.data(), text.size());
    stream.write(reinterpret_cast<const char*>(data.data()), data.size() * sizeof(Number));
}

template <typename Number>
Number sigmoid(Number a) { return 1 / (1 + std::exp(-a)); }

// One row of one layer in one direction. x is (T, I) with `stride` numbers from one step to the next; h and c are updated.
template <typename Number>
struct Layer {
    size_t inputs, units;
    std::vector<Number> w_ih, w_hh, b;  // (4H, I), (4H, H), (4H)

    void step(const Number* x, Number* h, Number* c) const {
        std::vector<Number> gates(4 * units);
        for (size_t row = 0; row < 4 * units; ++row) {
            Number sum = b[row];
            for (size_t k = 0; k < inputs; ++k) sum += w_ih[row * inputs + k] * x[k];
            for (size_t k = 0; k < units; ++k) sum += w_hh[row * units + k] * h[k];
            gates[row] = sum;
        }
        for (size_t k = 0; k < units; ++k) {
            const Number i = sigmoid(gates[k]), f = sigmoid(gates[units + k]);
            const Number g = std::tanh(gates[2 * units + k]), o = sigmoid(gates[3 * units + k]);
            c[k] = f * c[k] + i * g;
            h[k] = o * std::tanh(c[k]);
        }
    }
};

template <typename Number>
std::vector<Number> as(const Tensor& tensor) { return {tensor.values.begin(), tensor.values.end()}; }

template <typename Number>
Layer<Number> layer_of(const File& file, const std::string& suffix, size_t inputs, size_t units) {
    Layer<Number> layer{inputs, units, as<Number>(file.tensors.at("weight_ih" + suffix)),
                        as<Number>(file.tensors.at("weight_hh" + suffix)), std::vector<Number>(4 * units)};
    if (file.metadata.at("bias") == "true") {
        const auto b_ih = as<Number>(file.tensors.at("bias_ih" + suffix));
        const auto b_hh = as<Number>(file.tensors.at("bias_hh" + suffix));
        for (size_t row = 0; row < 4 * units; ++row) layer.b[row] = b_ih[row] + b_hh[row];
    }
    return layer;
}

template <typename Number>
void run(const File& file, const char* path) {
    const Tensor &x = file.tensors.at("x"), &h0 = file.tensors.at("h0"), &c0 = file.tensors.at("c0");
    const size_t T = x.shape[0], B = x.shape[1], states = h0.shape[0], H = h0.shape[2];
    const size_t D = file.metadata.at("bidirectional") == "true" ? 2 : 1;
    std::vector<size_t> ends(B, T);
    if (file.tensors.count("lengths")) {
        const Tensor& lengths = file.tensors.at("lengths");
        ends.assign(lengths.values.begin(), lengths.values.end());
    }
    std::vector<Number> below = as<Number>(x), h = as<Number>(h0), c = as<Number>(c0);
    size_t inputs = x.shape[2];
    for (size_t k = 0; k < states / D; ++k) {
        std::vector<Number> above(T * B * D * H);  // zero behind each row's length
        for (size_t d = 0; d < D; ++d) {
            const auto layer = layer_of<Number>(file, "_l" + std::to_string(k) + (d ? "_reverse" : ""), inputs, H);
            for (size_t row = 0; row < B; ++row) {
                Number *h_row = &h[((k * D + d) * B + row) * H], *c_row = &c[((k * D + d) * B + row) * H];
                for (size_t n = 0; n < ends[row]; ++n) {
                    const size_t t = d ? ends[row] - 1 - n : n;
                    layer.step(&below[(t * B + row) * inputs], h_row, c_row);
                    std::copy(h_row, h_row + H, &above[((t * B + row) * D + d) * H]);
                }
            }
        }
        below = above;
        inputs = D * H;
    }
    const auto tensor = [](std::vector<size_t> shape, const std::vector<Number>& values) {
        return Tensor{std::move(shape), {values.begin(), values.end()}};
    };
    write<Number>(path, {{"output", tensor({T, B, D * H}, below)},
                         {"h_n", tensor({states, B, H}, h)},
                         {"c_n", tensor({states, B, H}, c)}});
}

int main(int count, char** arguments) {
    if (count != 3) {
        std::cerr << "usage: lstm INPUTS OUTPUTS\n";
        return 1;
    }
    const File file = read(arguments[1]);
    if (file.metadata.at("cell") != "lstm") not_offered("it is an LSTM and no " + file.metadata.at("cell"));
    if (file.metadata.at("proj_size") != "0") not_offered("it has no projection");
    if (file.metadata.at("dtype") == "float64") run<double>(file, arguments[2]);
    else run<float>(file, arguments[2]);
}
