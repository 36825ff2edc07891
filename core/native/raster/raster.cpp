// The z-buffer of faceplate/reconstruct/raster.py, in C++: which triangle each pixel sees, and where in it.
//
// The numpy twin in that file is the reference. Both do the same sums in the same order in double precision (the
// compiler is told not to fuse them), so that the two agree to the last bit and a test can say so.
//
// Rows are parted into bands, one band to a thread at a time, and every band knows its triangles: no pixel is written
// by two threads, so the result does not depend on how many there are.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

namespace py = pybind11;

namespace {

constexpr int kBandRows = 16;

struct Point {
    double x, y, z;
};

// One edge, always walked from the same end, whichever of its two triangles asks: neighbours then agree to the last
// bit on whose a pixel is, and no crack opens between them.
struct Edge {
    double ax, ay, dx, dy, sign;
    bool owns_zero;  // the top-left rule: a pixel exactly on an edge belongs to one side of it

    Edge(const Point& from, const Point& to, double orientation) {
        const bool turned = to.y < from.y || (to.y == from.y && to.x < from.x);
        const Point& a = turned ? to : from;
        const Point& b = turned ? from : to;
        ax = a.x;
        ay = a.y;
        dx = b.x - a.x;
        dy = b.y - a.y;
        sign = turned ? -orientation : orientation;
        owns_zero = sign > 0.0;
    }

    double at(double x, double y) const { return sign * (dx * (y - ay) - dy * (x - ax)); }
    bool inside(double value) const { return value > 0.0 || (value == 0.0 && owns_zero); }
};

struct Triangle {
    int first, last, top, bottom;  // pixel box, both ends within
    bool seen;
};

int clamped(double value, int low, int high) {
    if (!(value > low)) return low;
    return value < high ? static_cast<int>(value) : high;
}

Triangle box_of(const Point& a, const Point& b, const Point& c, int height, int width) {
    Triangle box{0, -1, 0, -1, false};
    if (!(a.z > 0.0 && b.z > 0.0 && c.z > 0.0)) return box;
    const double left = std::min({a.x, b.x, c.x}), right = std::max({a.x, b.x, c.x});
    const double top = std::min({a.y, b.y, c.y}), bottom = std::max({a.y, b.y, c.y});
    if (!(right >= 0.0 && bottom >= 0.0 && left <= width && top <= height)) return box;
    box.first = clamped(std::floor(left - 0.5), 0, width - 1);
    box.last = clamped(std::ceil(right - 0.5), 0, width - 1);
    box.top = clamped(std::floor(top - 0.5), 0, height - 1);
    box.bottom = clamped(std::ceil(bottom - 0.5), 0, height - 1);
    box.seen = true;
    return box;
}

struct Target {
    int width;
    std::int32_t* triangle;
    double* depth;
    float* weights;
};

void draw(const Point& a, const Point& b, const Point& c, const Triangle& box, int index, int top, int bottom,
          const Target& target) {
    const double area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    if (area == 0.0 || !std::isfinite(area)) return;
    const double orientation = area > 0.0 ? 1.0 : -1.0;
    const Edge opposite_a(b, c, orientation), opposite_b(c, a, orientation), opposite_c(a, b, orientation);
    const double over_a = 1.0 / a.z, over_b = 1.0 / b.z, over_c = 1.0 / c.z;
    for (int row = std::max(box.top, top); row <= std::min(box.bottom, bottom); ++row) {
        const double y = row + 0.5;
        for (int column = box.first; column <= box.last; ++column) {
            const double x = column + 0.5;
            const double ea = opposite_a.at(x, y), eb = opposite_b.at(x, y), ec = opposite_c.at(x, y);
            if (!opposite_a.inside(ea) || !opposite_b.inside(eb) || !opposite_c.inside(ec)) continue;
            const double wa = ea * over_a, wb = eb * over_b, wc = ec * over_c;
            const double total = (wa + wb) + wc;
            const double depth = ((ea + eb) + ec) / total;
            const std::size_t pixel = static_cast<std::size_t>(row) * target.width + column;
            if (!(depth < target.depth[pixel])) continue;
            target.depth[pixel] = depth;
            target.triangle[pixel] = index;
            target.weights[3 * pixel] = static_cast<float>(wa / total);
            target.weights[3 * pixel + 1] = static_cast<float>(wb / total);
            target.weights[3 * pixel + 2] = static_cast<float>(wc / total);
        }
    }
}

using Points = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Triangles = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

py::tuple rasterise(const Points& points, const Triangles& triangles, int height, int width) {
    if (points.ndim() != 2 || points.shape(1) != 3) throw std::invalid_argument("points should be V x 3");
    if (triangles.ndim() != 2 || triangles.shape(1) != 3) throw std::invalid_argument("triangles should be F x 3");
    if (height < 1 || width < 1) throw std::invalid_argument("height and width should be at least 1");
    const auto* vertices = reinterpret_cast<const Point*>(points.data());
    const std::int32_t* corners = triangles.data();
    const std::int64_t vertex_count = points.shape(0), count = triangles.shape(0);
    for (std::int64_t k = 0; k < 3 * count; ++k)
        if (corners[k] < 0 || corners[k] >= vertex_count)
            throw std::invalid_argument("triangles name a vertex that is not there");

    py::array_t<std::int32_t> triangle({height, width});
    py::array_t<double> depth({height, width});
    py::array_t<float> weights({height, width, 3});
    const Target target{width, triangle.mutable_data(), depth.mutable_data(), weights.mutable_data()};
    {
        py::gil_scoped_release released;
        const std::size_t pixels = static_cast<std::size_t>(height) * width;
        std::fill_n(target.triangle, pixels, -1);
        std::fill_n(target.depth, pixels, std::numeric_limits<double>::infinity());
        std::fill_n(target.weights, 3 * pixels, 0.0f);

        const int bands = (height + kBandRows - 1) / kBandRows;
        std::vector<Triangle> boxes(static_cast<std::size_t>(count));
        std::vector<std::vector<std::int32_t>> of_band(static_cast<std::size_t>(bands));
        for (std::int64_t k = 0; k < count; ++k) {
            const std::int32_t* corner = corners + 3 * k;
            const Triangle box =
                box_of(vertices[corner[0]], vertices[corner[1]], vertices[corner[2]], height, width);
            boxes[static_cast<std::size_t>(k)] = box;
            if (!box.seen) continue;
            for (int band = box.top / kBandRows; band <= box.bottom / kBandRows; ++band)
                of_band[static_cast<std::size_t>(band)].push_back(static_cast<std::int32_t>(k));
        }
#pragma omp parallel for schedule(dynamic, 1)
        for (int band = 0; band < bands; ++band) {
            const int top = band * kBandRows, bottom = std::min(top + kBandRows, height) - 1;
            for (const std::int32_t k : of_band[static_cast<std::size_t>(band)]) {
                const std::int32_t* corner = corners + 3 * static_cast<std::int64_t>(k);
                draw(vertices[corner[0]], vertices[corner[1]], vertices[corner[2]], boxes[static_cast<std::size_t>(k)],
                     k, top, bottom, target);
            }
        }
    }
    return py::make_tuple(triangle, weights, depth);
}

}  // namespace

PYBIND11_MODULE(_raster, module) {
    module.doc() = "The z-buffer of faceplate.reconstruct.raster; its numpy twin there is the reference.";
    module.def("rasterise", &rasterise, py::arg("points"), py::arg("triangles"), py::arg("height"), py::arg("width"),
               "points (V, 3), triangles (F, 3) -> triangle (H, W), weights (H, W, 3), depth (H, W)");
}
