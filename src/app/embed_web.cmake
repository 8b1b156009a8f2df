# cmake -DROOT=web -DFILES=a;b -DOUT=web_sources.cpp -P embed_web.cmake: writes the files as byte arrays.
set(arrays "")
set(rows "")
set(number 0)
separate_arguments(FILES NATIVE_COMMAND "${FILES}")
foreach(file IN LISTS FILES)
    file(READ ${ROOT}/${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    # The last zero keeps the array of an empty file legal.
    string(APPEND arrays "constexpr unsigned char file_${number}[] = {${bytes}0};\n")
    string(APPEND rows "        {\"/${file}\", view(file_${number}, sizeof file_${number} - 1)},\n")
    math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT} "#include \"app/web_sources.hpp\"

namespace stepcast::app {
namespace {

${arrays}
[[maybe_unused]] std::string_view view(const unsigned char* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

std::vector<WebSource> web_sources() {
    return {
${rows}    };
}

}  // namespace stepcast::app
")
